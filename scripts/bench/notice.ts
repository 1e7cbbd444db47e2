// From the cloud's flag to the notice, and on to the first pack that an agent sends: each cloud played on the loopback, watched as the agent does by
// default. The flag is raised at a moment that has nothing to do with the polls.

import { join } from 'node:path'
import process from 'node:process'
import { createCloudNotice } from '../../peer/notice/cloud.ts'
import { clouds } from '../../peer/notice/clouds.ts'
import type { NoticeSource } from '../../peer/notice/notice.ts'
import { createSignalNotice } from '../../peer/notice/signal.ts'
import { delay, systemClock } from '../../src/clock.ts'
import { FakeCloud } from '../../test/cloud/fake-cloud.ts'
import { serveCloud } from '../../test/cloud/metadata-server.ts'
import type { Child } from '../demo/child.ts'
import type { Plan } from './plan.ts'
import { row, type Row } from './series.ts'
import { Stage } from './stage.ts'
import { writeTree } from './tree.ts'

/** The poll interval of the cloud's own document, and a little; a question that is held open has no interval. */
const targets: Readonly<Record<string, number>> = { aws: 2_100, gcp: 100, azure: 1_100, alibaba: 2_100, tencent: 2_100 }
const signalTarget = 50

/** At any moment of this, as a cloud's flag comes at any between two polls. */
const signalWithinMs = 1_000

/** Far beyond every target: a notice that is lost. */
const noticeTimeoutMs = 30_000

export async function measureNotice(plan: Plan): Promise<Row[]> {
  const rows: Row[] = []
  for (const { kind } of clouds) {
    const latencies: number[] = []
    for (let round = 0; round < plan.rounds; round++) latencies.push(await flagToNotice(kind, plan.signal))
    rows.push(row(`flag to notice, ${kind}`, 'ms', latencies, { target: { most: targets[kind]! } }))
    plan.note(`notice: ${kind}`)
  }
  const latencies: number[] = []
  for (let round = 0; round < plan.rounds; round++) latencies.push(await signalToNotice(plan.signal))
  rows.push(row('flag to notice, a signal', 'ms', latencies, { target: { most: signalTarget } }))
  return [...rows, ...(await measureFirstPacks(plan))]
}

/** The clouds that have a target of their own for it. */
const packClouds: readonly FakeCloud['kind'][] = ['aws', 'gcp', 'azure']

async function measureFirstPacks(plan: Plan): Promise<Row[]> {
  const rows: Row[] = []
  for (const kind of packClouds) {
    const latencies: number[] = []
    for (let round = 0; round < plan.rounds; round++) {
      const fake = new FakeCloud(kind)
      await using server = await serveCloud(fake)
      const raise = async () => {
        await delay(systemClock, Math.random() * clouds.find((cloud) => cloud.kind === kind)!.everyMs, plan.signal)
        return () => fake.raise('preempt', 60_000)
      }
      latencies.push(await flagToFirstPack(plan, [{ kind, endpoint: server.url }], raise))
    }
    rows.push(row(`flag to first pack, ${kind}`, 'ms', latencies, { target: { most: targets[kind]! } }))
    plan.note(`notice: first pack, ${kind}`)
  }
  const latencies: number[] = []
  for (let round = 0; round < plan.rounds; round++) {
    latencies.push(
      await flagToFirstPack(plan, undefined, async (agent) => {
        await delay(systemClock, Math.random() * signalWithinMs, plan.signal)
        return () => agent.tell('SIGTERM')
      }),
    )
  }
  rows.push(row('flag to first pack, SIGTERM', 'ms', latencies, { target: { most: signalTarget } }))
  return rows
}

/** Both ends' clocks are this machine's: the agent says when it handed its first pack to the link, here to the store. */
async function flagToFirstPack(
  plan: Plan,
  notices: readonly object[] | undefined,
  raise: (agent: Child) => Promise<() => void>,
): Promise<number> {
  // One of its own each: an agent would first inherit what the one before has left at the relay.
  await using stage = await Stage.open(plan.folder, plan.signal)
  const directory = join(stage.folder, 'from')
  await writeTree({ path: directory, files: 64, bytesOf: () => 64 * 1024 })
  const agent = await stage.agent('predecessor', directory, notices && { notices })
  await stage.line(agent, 'ready')
  const now = await raise(agent)
  const raisedMs = systemClock.nowMs()
  now()
  const { atMs } = await stage.line(agent, 'first-pack')
  await stage.expectEnd(agent)
  return Number(atMs) - raisedMs
}

async function flagToNotice(kind: FakeCloud['kind'], signal: AbortSignal): Promise<number> {
  const fake = new FakeCloud(kind)
  await using server = await serveCloud(fake)
  const cloud = clouds.find((candidate) => candidate.kind === kind)!
  const source = createCloudNotice({ cloud, endpoint: server.url, clock: systemClock, tell: () => {} })
  // Awaited here: the server goes with this scope.
  return await measure(source, signal, async () => {
    await delay(systemClock, 300 + Math.random() * cloud.everyMs, signal)
    fake.raise('preempt', 60_000)
  })
}

/** Not SIGTERM, which ends the benchmark; `--only latency` has that, with all that follows. */
function signalToNotice(signal: AbortSignal): Promise<number> {
  return measure(
    createSignalNotice({ signal: 'SIGUSR2', deadlineMs: 1_000 }),
    signal,
    async () => void process.kill(process.pid, 'SIGUSR2'),
  )
}

async function measure(source: NoticeSource, signal: AbortSignal, raise: () => Promise<void>): Promise<number> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(noticeTimeoutMs)])
  const watching = source.watch({ signal: limited })[Symbol.asyncIterator]()
  // A signal handler alone keeps no process alive.
  const alive = setInterval(() => {}, noticeTimeoutMs)
  try {
    const noticed = watching.next()
    await raise()
    const raisedMs = systemClock.monotonicMs()
    const { done } = await noticed
    if (done === true) throw limited.reason
    return systemClock.monotonicMs() - raisedMs
  } finally {
    clearInterval(alive)
    await watching.return?.()
  }
}
