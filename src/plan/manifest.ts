// The warm-start manifest: which sources there are, how their state is divided and by which criteria it is ordered (claim 5).
// The schema of a configuration's `sources` and its type. Pure: whether a path exists is asked later, by the source itself.

import * as z from 'zod'
import { keyedValueBytesMax } from '../limits/keyed.ts'
import { sourcesMax } from '../limits/wire.ts'
import { duration, path, size, strict } from '../config/values.ts'
import type { Criteria } from './plan.ts'

/** By what the chunks of a source are ordered. `app` keeps the order in which the application lists them. */
export const orders = ['forecast', 'app', 'recency', 'frequency', 'size', 'key'] as const
export type Order = (typeof orders)[number]

/** The kinds of sources that this version can read. The schema knows the others already, so that they can be named. */
const builtSourceKinds: readonly string[] = ['app', 'directory', 'redis', 'memcached']

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, { error: 'a name has 1 to 64 letters, digits, dots, dashes and underscores' })
  .describe('What the source is called in receipts, metrics and demands; the successor needs one of the same name.')

const divide = strict({
  by: z
    .enum(['application', 'probability', 'content'])
    .describe('Who draws the borders: the application itself, the expected reads, or the content.'),
  target: size({ min: 4096, max: 2 ** 30 })
    .prefault('1MiB')
    .describe('The size that chunks should have.'),
})
  .transform(({ by, target }) => ({ by, targetBytes: target }))
  .describe('How the state is divided into chunks. Without it: as the kind of source does it.')

function order(fallback: Order) {
  return z
    .enum(orders)
    .default(fallback)
    .describe('What goes first: forecast goes by expected reads per byte, app as the application lists it, the others by what they name.')
}

const share = strict({
  least: z.number().min(0).max(1).default(0).describe('It gets at least this share of the bytes, from 0 to 1, while it has anything left.'),
  most: z.number().min(0).max(1).default(1).describe('It gets no more than this share while other sources have anything left.'),
}).refine(({ least, most }) => least <= most, { error: 'least is larger than most' })

/** What every kind of source may say of its place among the others. */
const place = {
  weight: z
    .number()
    .min(0)
    .max(1e6)
    .optional()
    .describe('What doing without this state costs, against the other sources: 2 is twice as much as 1. Without it: 1.'),
  share: share.optional().describe("Bounds on this source's share of the bytes of data that go. Metadata and dirty chunks go in any case."),
}

function globs(meaning: string) {
  return z.array(z.string().min(1)).max(1000).optional().describe(meaning)
}

const appSource = strict({
  name,
  kind: z.literal('app').describe('An application that serves the app API.'),
  url: z
    .string()
    .superRefine((text, context) => {
      const wrong = appUrlProblem(text)
      if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
    })
    .describe('unix:/path/to.sock, or http:// on the loopback.'),
  order: order('app'),
  ...place,
  divide: divide.optional(),
  timeout: duration({ min: 1 }).optional().describe('How long the application may take for its inventory.'),
}).transform(({ timeout, ...source }) => ({ ...source, timeoutMs: timeout }))

const directorySource = strict({
  name,
  kind: z.literal('directory').describe('A directory, with everything below it.'),
  path: path().describe('The directory. A relative one counts from the configuration file.'),
  order: order('forecast'),
  ...place,
  divide: divide.optional(),
  metadata: globs('Files that match one of these globs are metadata: they go before all others, and are restored before them.'),
  include: globs('Only what matches one of these globs.'),
  exclude: globs('Nothing that matches one of these globs.'),
})

const maxKey = size({ max: keyedValueBytesMax })
  .optional()
  .describe('Larger keys are left out, since the server serves nobody else while it reads one. Without it: 64MiB.')

const redisSource = strict({
  name,
  kind: z.literal('redis').describe('A Redis or Valkey server.'),
  url: serverUrl('expected a URL such as redis://127.0.0.1:6379, rediss:// for TLS, or unix:/run/redis.sock', ['redis:', 'rediss:']).describe(
    'redis://host:port, rediss://host:port with TLS, or unix:/path.sock. A /NUMBER at the end means that database alone.',
  ),
  user: z.string().min(1).max(256).optional().describe('The user of the server (ACL). Without it: the default user.'),
  password_file: path().optional().describe("The file with the user's password, and nothing else. A relative one counts from the configuration file."),
  ca_file: path().optional().describe('The file with the certificates that are trusted with rediss://. Without it: those of the system.'),
  databases: z.array(z.int().min(0).max(65_535)).min(1).max(1024).optional().describe('Which databases. Without it: all that have keys.'),
  max_key: maxKey,
  order: order('forecast'),
  ...place,
  divide: divide.optional(),
}).transform(({ password_file, ca_file, max_key, ...source }) => ({
  ...source,
  passwordFile: password_file,
  caFile: ca_file,
  maxKeyBytes: max_key,
}))

const memcachedSource = strict({
  name,
  kind: z.literal('memcached').describe('A memcached server, 1.6 or later.'),
  url: serverUrl('expected a URL such as memcached://127.0.0.1:11211, or unix:/run/memcached.sock', ['memcached:']).describe(
    'memcached://host:port or unix:/path.sock',
  ),
  max_key: maxKey,
  order: order('forecast'),
  ...place,
  divide: divide.optional(),
}).transform(({ max_key, ...source }) => ({ ...source, maxKeyBytes: max_key }))

/** The URL of a key-value server. Its secrets are elsewhere. */
function serverUrl(expected: string, protocols: readonly string[]) {
  return z.string().superRefine((text, context) => {
    const wrong = serverUrlProblem(text, expected, protocols)
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
  })
}

const source = z.discriminatedUnion('kind', [appSource, directorySource, redisSource, memcachedSource]).superRefine(({ kind }, context) => {
  if (!builtSourceKinds.includes(kind)) {
    context.addIssue({
      code: 'custom',
      path: ['kind'],
      message: `kind ${kind} isn't in this version yet; there are ${builtSourceKinds.join(', ')}`,
    })
  }
})

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

/** How a source's state is divided. */
export type Division = Readonly<z.output<typeof divide>>

type AppSourceEntry = Readonly<z.output<typeof appSource>>
type DirectorySourceEntry = Readonly<z.output<typeof directorySource>>
type RedisSourceEntry = Readonly<z.output<typeof redisSource>>
type MemcachedSourceEntry = Readonly<z.output<typeof memcachedSource>>

/** One source of the manifest. Only kinds of builtSourceKinds get here. */
export type SourceEntry = AppSourceEntry | DirectorySourceEntry | RedisSourceEntry | MemcachedSourceEntry
export type Manifest = readonly SourceEntry[]

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

function serverUrlProblem(text: string, expected: string, protocols: readonly string[]): string | undefined {
  if (text.startsWith('unix:')) {
    const socket = text.slice('unix:'.length)
    return socket.startsWith('/') && new TextEncoder().encode(socket).length <= 107 ? undefined : expected
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !protocols.includes(url.protocol) || url.hostname === '') return expected
  if (url.password !== '' || url.username !== '') return 'secrets have no place in this file: give user and password_file in place of those in the URL'
  return /^(\/\d{0,5})?$/.test(url.pathname) && url.search === '' && url.hash === '' ? undefined : expected
}
