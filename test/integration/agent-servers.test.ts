// Two agents as real processes hand over a Redis and a memcached; what is wrong with one source costs the others nothing.
// time-out: 180 s

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startAgent } from '../helpers/agent.ts'
import { Fleet } from '../helpers/fleet.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { startRedis } from '../helpers/redis.ts'

const test = suite('agents with servers')
const lfu = ['--maxmemory', '1gb', '--maxmemory-policy', 'allkeys-lfu']

interface Account {
  readonly sources: readonly { readonly name: string; readonly chunks: object; readonly leftOut: readonly { readonly reason: string }[] }[]
  readonly notes: readonly string[]
}

test('Redis and memcached arrive with the rest; a server that is down, and one that refuses us, are in the receipt', async () => {
  await using fleet = await Fleet.start()
  await using oldRedis = await startRedis({ args: lfu })
  await using newRedis = await startRedis({ args: lfu })
  await using oldPages = await startMemcached()
  await using newPages = await startMemcached()
  await using locked = await startRedis({ args: ['--requirepass', 'secret'], login: {} })
  const count = 6000
  await oldRedis.fill(Array.from({ length: count }, (_, index) => [`k${index}`, `value ${index}`]))
  await oldRedis.ask(['RPUSH', 'list', 'a', 'b', 'c'], 4)
  await oldRedis.ask(['SET', 'brief', 'v', 'PX', 600_000])
  await newRedis.ask(['SET', 'k7', 'fresh'])
  for (let index = 0; index < 100; index++) await oldPages.ask(`ms p${index} 4`, 'page')
  const sources = (redis: string, memcached: string) => [
    { name: 'cache', kind: 'redis', url: redis },
    { name: 'pages', kind: 'memcached', url: memcached },
    { name: 'down', kind: 'redis', url: `unix:${fleet.folder}/none.sock` },
    { name: 'locked', kind: 'redis', url: locked.url },
  ]
  const successor = await startAgent(fleet, 'successor', { sources: sources(newRedis.url, newPages.url) })
  await fleet.waiting(1)
  const predecessor = await startAgent(fleet, 'predecessor', { sources: sources(oldRedis.url, oldPages.url) })
  await predecessor.program.row('warmed')
  await predecessor.program.row('ready')
  predecessor.program.child.kill('SIGTERM')
  const ended = await predecessor.program.end()
  assert.is(ended.code, 3, ended.stderr)
  const inherited = await successor.program.row('inherited')
  assert.is(await newRedis.ask(['DBSIZE']), count + 1)
  assert.is((await newRedis.get('k7'))!.toString(), 'fresh', 'what the successor wrote stays')
  assert.is((await newRedis.get('k5999'))!.toString(), 'value 5999')
  assert.is(await newRedis.ask(['LLEN', 'list'], 4), 3)
  assert.ok(Number(await newRedis.ask(['PTTL', 'brief'])) > 0)
  assert.is((await newPages.stats()).get('curr_items'), '100')
  assert.match(JSON.stringify(inherited['notes']), /1 keys were there already/)

  const receipt = (await successor.receipt()) as unknown as Account
  const notes = receipt.notes.join('\n')
  assert.match(notes, /down: nobody answers/)
  assert.match(notes, /locked: the server says: NOAUTH/)
  const [cache] = receipt.sources
  assert.equal(cache!.leftOut, [])
})

test.run()
