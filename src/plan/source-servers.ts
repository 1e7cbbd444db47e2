// Entries of the manifest for key-value servers: Redis, Valkey, memcached.

import * as z from 'zod'
import { keyedValueBytesMax } from '../limits/keyed.ts'
import { path, size, strict } from '../config/values.ts'
import { divide, order, place, sourceName } from './source-place.ts'

const maxKey = size({ max: keyedValueBytesMax })
  .optional()
  .describe('Larger keys are left out, since the server serves nobody else while it reads one. Without it: 64MiB.')

export const redisSource = strict({
  name: sourceName,
  kind: z.literal('redis').describe('A Redis or Valkey server.'),
  url: serverUrl(
    'expected a URL such as redis://127.0.0.1:6379, rediss:// for TLS, or unix:/run/redis.sock',
    /^rediss?:$/,
    /^(\/\d{0,5})?$/,
  ).describe('redis://host:port, rediss://host:port with TLS, or unix:/path.sock. A /NUMBER at the end means that database alone.'),
  user: z.string().min(1).max(256).optional().describe('The user of the server (ACL). Without it: the default user.'),
  password_file: path().optional().describe("The file with the user's password alone. A relative one counts from the configuration file."),
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

export const memcachedSource = strict({
  name: sourceName,
  kind: z.literal('memcached').describe('A memcached server, 1.6 or later.'),
  url: serverUrl('expected a URL such as memcached://127.0.0.1:11211, or unix:/run/memcached.sock', /^memcached:$/, /^\/?$/).describe(
    'memcached://host:port or unix:/path.sock.',
  ),
  max_key: maxKey,
  order: order('forecast'),
  ...place,
  divide: divide.optional(),
}).transform(({ max_key, ...source }) => ({ ...source, maxKeyBytes: max_key }))

/** The URL of a server. Its secrets are elsewhere. */
function serverUrl(expected: string, protocol: RegExp, pathname: RegExp) {
  return z.string().superRefine((text, context) => {
    const wrong = serverUrlProblem(text, expected, protocol, pathname)
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
  })
}

function serverUrlProblem(text: string, expected: string, protocol: RegExp, pathname: RegExp): string | undefined {
  if (text.startsWith('unix:')) {
    const socket = text.slice('unix:'.length)
    if (!socket.startsWith('/')) return `${expected}; the path of the socket must be absolute`
    return new TextEncoder().encode(socket).length > 107 ? 'the path of a socket may have at most 107 bytes' : undefined
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !protocol.test(url.protocol) || url.hostname === '') return expected
  if (url.password !== '' || url.username !== '') return 'secrets have no place in this file: the URL has a user or a password'
  return pathname.test(url.pathname) && url.search === '' && url.hash === '' ? undefined : expected
}
