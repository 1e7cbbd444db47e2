// The warm-start manifest: which sources there are, how their state is divided and by which criteria it is ordered (claim 5).
// The schema of a configuration's `sources` and its type. Pure: whether a path exists is asked later, by the source itself.

import * as z from 'zod'
import { sourcesMax } from '../limits/wire.ts'
import { duration, path, strict } from '../config/values.ts'
import type { Criteria } from './plan.ts'
import { divide, globs, order, place, sourceName } from './source-place.ts'
import { memcachedSource, redisSource } from './source-servers.ts'
import { commandSource, pageCacheSource, postgresqlSource } from './source-tools.ts'

const appSource = strict({
  name: sourceName,
  kind: z.literal('app').describe('An application that serves the app API.'),
  url: z
    .string()
    .superRefine((text, context) => {
      const wrong = appUrlProblem(text)
      if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
    })
    .describe('unix:/path/to.sock, or http:// on the loopback.'),
  token_file: path()
    .optional()
    .describe('A file with the token that the application wants to see with each call. A relative one counts from the configuration file.'),
  order: order('app'),
  ...place,
  divide: divide.optional(),
  timeout: duration({ min: 1 }).optional().describe('How long the application may take for its inventory.'),
}).transform(({ timeout, token_file, ...source }) => ({ ...source, timeoutMs: timeout, tokenFile: token_file }))

const directorySource = strict({
  name: sourceName,
  kind: z.literal('directory').describe('A directory, with everything below it.'),
  path: path().describe('The directory. A relative one counts from the configuration file.'),
  xattrs: z
    .boolean()
    .optional()
    .describe('Extended attributes of users (user.…) go, too, and are restored. It takes a python3 on both VMs.'),
  order: order('forecast'),
  ...place,
  divide: divide.optional(),
  metadata: globs('Files that match one of these globs are metadata: they go before all others, and are restored before them.'),
  include: globs('Only what matches one of these globs.'),
  exclude: globs('Nothing that matches one of these globs.'),
})

const source = z.discriminatedUnion('kind', [
  appSource,
  directorySource,
  redisSource,
  memcachedSource,
  pageCacheSource,
  postgresqlSource,
  commandSource,
])

/** The `sources` of a configuration. */
export const sourcesSchema = z
  .array(source)
  .min(1)
  .max(sourcesMax)
  .superRefine((sources, context) => {
    const seen = new Set<string>()
    for (const [index, { name: own }] of sources.entries()) {
      if (seen.has(own)) context.addIssue({ code: 'custom', path: [index, 'name'], message: `there is another source named ${own}` })
      seen.add(own)
    }
    const promised = sources.reduce((sum, { share: of }) => sum + (of?.least ?? 0), 0)
    if (promised > 1) context.addIssue({ code: 'custom', message: `the least shares add up to ${promised}, which is more than all` })
  })
  .describe('The warm-start manifest: where the state comes from and goes back to.')

type AppSourceEntry = Readonly<z.output<typeof appSource>>
type DirectorySourceEntry = Readonly<z.output<typeof directorySource>>

/** One source of the manifest. */
export type SourceEntry =
  | AppSourceEntry
  | DirectorySourceEntry
  | Readonly<z.output<typeof redisSource>>
  | Readonly<z.output<typeof memcachedSource>>
  | Readonly<z.output<typeof pageCacheSource>>
  | Readonly<z.output<typeof postgresqlSource>>
  | Readonly<z.output<typeof commandSource>>
export type Manifest = readonly SourceEntry[]

export type { Division, Order } from './source-place.ts'

/** By which criteria the sources of a manifest go (claim 5). Groups of like read probability go by it, whatever the source's own order. */
export function criteriaOf(manifest: Manifest): (name: string) => Criteria {
  return (name) => {
    const entry = manifest.find((candidate) => candidate.name === name)
    if (entry === undefined) return {}
    const { order, weight, share: ofShare, divide: division } = entry
    return { order: division?.by === 'probability' ? 'forecast' : order, weight, share: ofShare }
  }
}

function appUrlProblem(text: string): string | undefined {
  const expected = 'expected unix:/path/to.sock or http://127.0.0.1:8080'
  if (text.startsWith('unix:')) {
    const socket = text.slice('unix:'.length)
    if (!socket.startsWith('/')) return `${expected}; the path of the socket must be absolute`
    return new TextEncoder().encode(socket).length > 107 ? 'the path of a socket may have at most 107 bytes' : undefined
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.protocol !== 'http:') return expected
  if (url.username !== '' || url.password !== '') return 'secrets have no place in this file: the URL has a user or a password'
  const loopback = url.hostname === 'localhost' || url.hostname === '[::1]' || url.hostname.startsWith('127.')
  return loopback ? undefined : 'an application is asked on a Unix socket or on the loopback only, since its answers are not sealed yet'
}
