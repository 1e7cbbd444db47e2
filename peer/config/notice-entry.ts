// One entry of `notices` in a peer's configuration: its schema, and the type that it becomes.

import * as z from 'zod'
import { duration, path, strict } from '../../src/config/values.ts'
import { formatDuration } from '../../src/units.ts'
import { alibaba } from '../notice/alibaba.ts'
import { aws } from '../notice/aws.ts'
import { azure } from '../notice/azure.ts'
import type { Cloud } from '../notice/cloud.ts'
import { gcp } from '../notice/gcp.ts'
import { tencent } from '../notice/tencent.ts'

/** What a signal or a file leaves us when it doesn't say: container orchestrators kill after 30 s by default. */
const noticeDeadline = duration({ min: 1 }).prefault('25s').describe('How long we have from then.')

const signalNotice = strict({
  kind: z.literal('signal').describe('A signal from the init system or the orchestrator.'),
  signal: z.enum(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGPWR']).default('SIGTERM').describe('Which one.'),
  deadline: noticeDeadline,
}).transform(({ kind, signal, deadline }) => ({ kind, signal, deadlineMs: deadline }))

const fileNotice = strict({
  kind: z.literal('file').describe('A file that appears when the VM is going.'),
  path: path().describe('Its name. A relative one counts from the configuration file.'),
  deadline: noticeDeadline,
}).transform(({ kind, path: file, deadline }) => ({ kind, path: file, deadlineMs: deadline }))

const endpoint = z.url({ protocol: /^https?$/, error: 'expected a URL such as http://169.254.169.254' })

/** Every tenth of a second is what a metadata service on the host bears; beyond a minute the shortest notice is over. */
const every = () => duration({ min: 100, max: 60_000 })

function cloudNotice<Kind extends string>(kind: Kind, cloud: Cloud) {
  return strict({
    kind: z.literal(kind).describe(`The metadata service of ${cloud.name}.`),
    endpoint: endpoint.default(cloud.endpoint).describe('Where it answers.'),
    every: every().prefault(formatDuration(cloud.everyMs)).describe(everyText(kind)),
  }).transform((written) => ({ kind: written.kind, endpoint: written.endpoint, everyMs: written.every }))
}

function cloudNoticeWithDeadline<Kind extends string>(kind: Kind, cloud: Cloud, what: string) {
  return strict({
    kind: z.literal(kind).describe(`The metadata service of ${cloud.name}.`),
    endpoint: endpoint.default(cloud.endpoint).describe('Where it answers.'),
    every: every().prefault(formatDuration(cloud.everyMs)).describe(everyText(kind)),
    deadline: duration({ min: 1 }).prefault(formatDuration(cloud.deadlineMs)).describe(what),
  }).transform(({ kind: own, endpoint: url, every: everyMs, deadline }) => ({ kind: own, endpoint: url, everyMs, deadlineMs: deadline }))
}

function everyText(kind: string): string {
  return kind === 'gcp' ? "How often it is asked when it doesn't hold the question open until something changes." : 'How often it is asked.'
}

const autoNotice = strict({
  kind: z.literal('auto').describe('The metadata service of whatever cloud this VM is found to be in.'),
  endpoint: endpoint.optional().describe("Where it answers. Without it: each cloud's own."),
  every: every().optional().describe("How often it is asked. Without it: as the cloud's own kind."),
}).transform((written) => ({ kind: written.kind, endpoint: written.endpoint, everyMs: written.every }))

export const noticeEntry = z.discriminatedUnion('kind', [
  signalNotice,
  fileNotice,
  autoNotice,
  cloudNoticeWithDeadline('aws', aws, 'How long a termination by an Auto Scaling group leaves: its lifecycle hook says.'),
  cloudNoticeWithDeadline('gcp', gcp, 'How long a preemption leaves: longer for a VM that asked for a longer notice.'),
  cloudNotice('azure', azure),
  cloudNotice('alibaba', alibaba),
  cloudNotice('tencent', tencent),
])

export type NoticeEntry = Readonly<z.output<typeof noticeEntry>>
