// Checks of sources that are key-value servers: whether one can log in, what the server is, and what would not work. Nothing is changed.

import { asHeirloomError } from '../../src/errors.ts'
import type { SourceEntry } from '../../src/plan/manifest.ts'
import { isOpenToOthers } from '../../src/cli/secret-file.ts'
import { MemcachedServer } from '../source/memcached/server.ts'
import { RedisServer } from '../source/redis/server.ts'
import { ok, warn, type Finding } from './finding.ts'

type EntryOf<Kind extends SourceEntry['kind']> = Extract<SourceEntry, { kind: Kind }>

/** Commands that a source needs and that a user of the server may lack; they name a key that is nobody's. */
const neededCommands = [
  ['SCAN', '0', 'COUNT', 1],
  ['MEMORY', 'USAGE', 'heirloom:doctor'],
  ['MGET', 'heirloom:doctor'],
  ['DUMP', 'heirloom:doctor'],
  ['PTTL', 'heirloom:doctor'],
  ['OBJECT', 'FREQ', 'heirloom:doctor'],
] as const

export async function checkRedis(check: string, entry: EntryOf<'redis'>, signal: AbortSignal): Promise<Finding> {
  using server = new RedisServer(entry)
  const silent = await silence(check, () => server.link(server.database ?? 0, { signal }), signal)
  if (silent !== undefined) return silent
  const { version, policy, isReplica, databases } = await server.facts({ signal })
  const link = await server.link(server.database ?? 0, { signal })
  for (const command of neededCommands) {
    await link.ask(command, { signal }).catch((thrown: unknown) => {
      // That there is no such counter under another policy is no failure.
      if (command[0] !== 'OBJECT' || asHeirloomError(thrown).code === 'config') throw thrown
    })
  }
  const { passwordFile } = entry
  if (passwordFile !== undefined && (await isOpenToOthers(passwordFile)))
    return warn(check, `${passwordFile} may be read by other users of this machine`, `chmod 600 ${passwordFile}`)
  if (isReplica) return warn(check, `${entry.url} is a replica`, 'enough to hand it off, not to restore it')
  const keys = databases.reduce((sum, each) => sum + each.keys, 0)
  const hot = policy.endsWith('-lfu') ? 'how often' : 'when'
  return ok(check, `${version} at ${entry.url} has ${keys} keys and knows ${hot} each was read (${policy})`)
}

export async function checkMemcached(check: string, { url }: EntryOf<'memcached'>, signal: AbortSignal): Promise<Finding> {
  using server = new MemcachedServer(url)
  const silent = await silence(check, () => server.link({ signal }), signal)
  if (silent !== undefined) return silent
  const stats = await (await server.link({ signal })).stats({ signal })
  return ok(check, `memcached ${stats.get('version')} at ${url} has ${stats.get('curr_items')} items`)
}

/** A server that isn't there may yet come; everything else that is wrong is a failure. */
async function silence(check: string, link: () => Promise<unknown>, signal: AbortSignal): Promise<Finding | undefined> {
  try {
    await link()
    return undefined
  } catch (thrown) {
    signal.throwIfAborted()
    const { code, message } = asHeirloomError(thrown)
    if (code !== 'source-failed' && code !== 'busy') throw thrown
    return warn(check, message, 'start it, or correct url; until it answers its state is left out')
  }
}
