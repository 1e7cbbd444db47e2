// time-out: 180 s
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HeirloomError } from '../../src/errors.ts'
import { isLeftOut } from '../../src/chunk/chunk.ts'
import { keysAloneMax } from '../../src/limits/keyed.ts'
import { Records } from '../../peer/source/keyed/records.ts'
import { keyId } from '../../peer/source/keyed/key-id.ts'
import { createRedisSource, type RedisSourceOptions } from '../../peer/source/redis/source.ts'
import type { Source } from '../../peer/source/source.ts'
import { leftOutOf, list, never, readAll, testSource } from '../contract/source.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { incoming } from '../helpers/record-fragments.ts'
import { freePort } from '../helpers/server-process.ts'
import { makeTemp } from '../helpers/temp.ts'
import { refusedLater } from '../helpers/refusal.ts'

const test = suite('redis source')
const lfu = ['--maxmemory', '1gb', '--maxmemory-policy', 'allkeys-lfu']
/** The order that doesn't change by looking. */
const byKey = { name: 'cache', order: 'key' } as const

testSource('redis', {
  async open(content) {
    const redis = await startRedis({ args: lfu })
    await redis.fill(content)
    const source = createRedisSource({ ...byKey, url: redis.url })
    return {
      source,
      remove: async (id) => void (await redis.ask(['DEL', id])),
      async [Symbol.asyncDispose]() {
        await source[Symbol.asyncDispose]()
        await redis[Symbol.asyncDispose]()
      },
    }
  },
  openAbsent: async () => createRedisSource({ ...byKey, url: 'unix:/nowhere/redis.sock' }),
  idsOf: (name) => [keyId(0, Buffer.from(name))],
})

async function open(redis: TestRedis, options: Partial<RedisSourceOptions> = {}): Promise<Source> {
  return createRedisSource({ name: 'cache', url: redis.url, ...options })
}

/** The keys of what was read, in order. */
function keysOf(fragments: ReturnType<typeof incoming>): string[] {
  return fragments.flatMap(({ attributes, chunkBytes, offset }) => {
    if (offset > 0) return []
    const records = new Records(attributes, chunkBytes)
    return Array.from({ length: records.count }, (_, index) => records.key(index).toString())
  })
}

test('under an LFU policy the keys that are read most come first, and are not disturbed by being looked at', async () => {
  await using redis = await startRedis({ args: [...lfu, '--lfu-log-factor', '0'] })
  await redis.fill(Array.from({ length: 300 }, (_, index) => [`k${index}`, 'x'.repeat(100)]))
  for (const [index, times] of [
    [7, 60],
    [99, 40],
    [200, 20],
  ] as const) {
    for (let read = 0; read < times; read++) await redis.get(`k${index}`)
  }
  const before = await redis.ask(['OBJECT', 'FREQ', 'k7'])
  await using source = await open(redis, { order: 'frequency' })
  await source.warm(never())
  const chunks = await list(source)
  assert.equal(
    chunks.slice(0, 3).map(({ id }) => id),
    ['0/k7', '0/k99', '0/k200'],
  )
  assert.is(await redis.ask(['OBJECT', 'FREQ', 'k7']), before)
  assert.ok(chunks[0]!.readProbability! > 4 * chunks[10]!.readProbability!)
})

test('without one, those that were read last come first, and warming does not make a key look used', async () => {
  await using redis = await startRedis()
  await redis.fill([['seen', 'v']])
  // What RESTORE says of the time since the last access.
  for (const [key, idle] of [
    ['old', 5000],
    ['older', 90_000],
  ] as const) {
    const dump = (await redis.ask(['DUMP', 'seen'])) as Buffer
    await redis.ask(['RESTORE', key, 0, dump, 'IDLETIME', idle])
  }
  await using source = await open(redis, { order: 'recency' })
  await source.warm(never())
  assert.equal(
    (await list(source)).map(({ id }) => id),
    ['0/seen', '0/old', '0/older'],
  )
  assert.ok(Number(await redis.ask(['OBJECT', 'IDLETIME', 'older'])) >= 90_000)
})

test('many keys are grouped by what they are worth, and every one of them is read once', async () => {
  await using redis = await startRedis({ args: lfu })
  const count = keysAloneMax + 2000
  await redis.fill(Array.from({ length: count }, (_, index) => [`key:${index}`, 'v'.repeat(20 + (index % 900))]))
  await redis.fill([['large', 'x'.repeat(100_000)]])
  await using source = await open(redis)
  await source.warm(never())
  // What came after the census is found, too.
  await redis.fill([['late', 'v']])
  const chunks = await list(source)
  assert.ok(chunks.length < count / 20, `${chunks.length} chunks`)
  assert.ok(chunks.some(({ id }) => id === '0/large'))
  const keys = keysOf(incoming(await readAll(source, chunks)))
  assert.is(keys.length, count + 2)
  assert.is(new Set(keys).size, count + 2)
})

test('a key that is gone is missing in its group, and nothing else is', async () => {
  await using redis = await startRedis({ args: lfu })
  await redis.fill(Array.from({ length: 200 }, (_, index) => [`k${index}`, 'value']))
  await using source = await open(redis, { aloneMax: 0 })
  const chunks = await list(source)
  for (let index = 0; index < 50; index++) await redis.ask(['DEL', `k${index}`])
  const parts = await readAll(source, chunks)
  assert.is(parts.filter(isLeftOut).length, 0)
  assert.is(keysOf(incoming(parts)).length, 150)
})

test('what changes under the read is as it was at one moment: another type, another length, another end', async () => {
  await using redis = await startRedis({ args: lfu })
  await redis.fill(Array.from({ length: 40 }, (_, index) => [`k${index}`, 'before']))
  await using source = await open(redis, { ...byKey, aloneMax: 0 })
  const chunks = await list(source)
  await redis.ask(['DEL', 'k1'])
  await redis.ask(['RPUSH', 'k1', 'a', 'b'])
  await redis.ask(['SET', 'k2', 'longer than before', 'PX', 600_000])
  const writing = (async () => {
    for (let count = 0; count < 200; count++)
      await redis.ask(count % 2 === 0 ? ['SET', 'k3', 'brief', 'PX', 600_000] : ['SET', 'k3', 'kept for ever'])
  })()
  const parts = incoming(await readAll(source, chunks))
  const again = incoming(await readAll(source, chunks))
  await writing
  for (const fragment of [...parts, ...again]) {
    const records = new Records(fragment.attributes, fragment.chunkBytes)
    for (let index = 0; index < records.count; index++) {
      const key = records.key(index).toString()
      const value = Buffer.from(fragment.bytes).toString('latin1', records.valueStarts[index], records.valueStarts[index + 1])
      const hasEnd = records.expiresAtMs(index) > 0
      if (key === 'k1') assert.is.not(records.form(index), 'value')
      else if (key === 'k2') assert.ok(value === 'longer than before' && hasEnd, value)
      else if (key === 'k3') assert.is(hasEnd, value === 'brief', value)
      else assert.is(value, 'before')
    }
  }
  assert.is(keysOf(parts).length, 40)
})

test('every database that has keys is read, or those that are named', async () => {
  await using redis = await startRedis({ args: lfu })
  await redis.ask(['SET', 'a', '0'])
  await redis.ask(['SET', 'a', '3'], 3)
  await redis.ask(['SET', 'b', '9'], 9)
  await using all = await open(redis)
  assert.equal((await list(all)).map(({ id }) => id).sort(), ['0/a', '3/a', '9/b'])
  await using some = await open(redis, { databases: [9] })
  const chunks = await list(some)
  assert.equal(
    chunks.map(({ id }) => id),
    ['9/b'],
  )
  assert.equal(
    incoming(await readAll(some, chunks)).map(({ bytes }) => Buffer.from(bytes).toString()),
    ['9'],
  )
})

test('a key that is too large is left out before it is asked for, and the receipt says why', async () => {
  await using redis = await startRedis({ args: lfu })
  await redis.fill([
    ['small', 'v'],
    ['large', 'x'.repeat(300_000)],
  ])
  await using source = await open(redis, { maxKeyBytes: 200_000 })
  const parts = await readAll(source, await list(source))
  const { leftOut, detail } = leftOutOf('0/large', parts)
  assert.is(leftOut, 'too-large')
  assert.match(detail!, /max_key/)
  assert.is(incoming(parts).length, 1)
})

test('a server with users and a password in a file is logged in to; a wrong one is refused with what to do', async () => {
  await using temp = await makeTemp()
  await writeFile(temp.at('secret'), 's3cret\n')
  await writeFile(temp.at('wrong'), 'guess\n')
  await writeFile(temp.at('users.acl'), 'user default off\nuser heirloom on >s3cret ~* +@all\n')
  const login = { user: 'heirloom', passwordFile: temp.at('secret') }
  await using redis = await startRedis({ args: [...lfu, '--aclfile', temp.at('users.acl')], login })
  await redis.fill([['k', 'v']])
  await using source = await open(redis, login)
  assert.is((await list(source)).length, 1)
  for (const [options, hint] of [
    [{}, /password_file/],
    [{ user: 'heirloom', passwordFile: temp.at('wrong') }, /correct/],
    [{ user: 'heirloom', passwordFile: temp.at('none') }, /one line/],
  ] as const) {
    await using refusing = await open(redis, options)
    assert.match((await refusedLater(list(refusing), 'config')).hint!, hint)
  }
  await redis.ask(['ACL', 'SETUSER', 'poor', 'on', '>p', '~*', '+info', '+scan'])
  await writeFile(temp.at('poor'), 'p')
  await using poor = await open(redis, { user: 'poor', passwordFile: temp.at('poor') })
  assert.match((await refusedLater(list(poor), 'config')).hint!, /commands/)
})

test('a node of a cluster is refused by name', async () => {
  const ports = ['--port', String(await freePort()), '--cluster-port', String(await freePort())]
  await using redis = await startRedis({ args: ['--bind', '127.0.0.1', '--cluster-enabled', 'yes', ...ports] })
  await using source = await open(redis)
  assert.match((await refusedLater(list(source), 'unsupported')).message, /cluster/)
})

test('what is no Redis server is refused as such', async () => {
  await using temp = await makeTemp()
  const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(temp.at('http.sock'))
  await using source = createRedisSource({ ...byKey, url: `unix:${temp.at('http.sock')}` })
  assert.instance(await refusedLater(list(source), 'malformed', 'link-lost'), HeirloomError)
  server.close()
})

test('a server that is stopped holds up nobody beyond the signal', async () => {
  await using redis = await startRedis({ args: lfu })
  await redis.fill([['k', 'v']])
  await using source = await open(redis)
  const chunks = await list(source)
  redis.process.signal('SIGSTOP')
  const controller = new AbortController()
  const reading = readAll(source, chunks, { signal: controller.signal }).catch((thrown: unknown) => thrown)
  controller.abort(new HeirloomError('timeout', 'over'))
  assert.is(((await reading) as HeirloomError).code, 'timeout')
  redis.process.signal('SIGCONT')
})

test('a server that is started again in the middle is read on from where it is', async () => {
  await using redis = await startRedis({ args: [...lfu, '--save', '3600', '1'] })
  await redis.fill(Array.from({ length: 50 }, (_, index) => [`k${index}`, `v${index}`]))
  await using source = await open(redis, byKey)
  const chunks = await list(source)
  await redis.ask(['SAVE'])
  await redis.process.stop()
  const reading = readAll(source, chunks)
  await redis.process.start()
  assert.is(incoming(await reading).length, 50)
})

test('a server that does not come back fails the source, and nothing hangs', async () => {
  await using redis = await startRedis({ args: lfu })
  await redis.fill([['k', 'v']])
  await using source = await open(redis)
  const chunks = await list(source)
  await redis.process.stop()
  await refusedLater(readAll(source, chunks), 'source-failed', 'link-lost')
})

test.run()
