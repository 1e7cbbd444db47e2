// time-out: 180 s
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PipelineSocket } from '../../peer/source/keyed/pipeline-socket.ts'
import { Answers } from '../../peer/source/redis/answers.ts'
import { Commands } from '../../peer/source/redis/commands.ts'
import { createRedisSink, type RedisSinkOptions } from '../../peer/source/redis/sink.ts'
import { createRedisSource } from '../../peer/source/redis/source.ts'
import type { IncomingFragment } from '../../peer/source/source.ts'
import { end, testSink } from '../contract/sink.ts'
import { list, never, readAll } from '../contract/source.ts'
import { nowMs, startRedis, type TestRedis } from '../helpers/redis.ts'
import { incoming, recordFragments } from '../helpers/record-fragments.ts'
import { refusedLater } from '../helpers/refusal.ts'
import { SeededRandom, withSeed } from '../helpers/seed.ts'
import { freePort } from '../helpers/server-process.ts'
import { escapeKey } from '../../peer/source/keyed/key-id.ts'
import { counted, type CountedSink } from '../helpers/counted-sink.ts'

const test = suite('redis sink')
const lfu = ['--maxmemory', '1gb', '--maxmemory-policy', 'allkeys-lfu']
const minuteMs = 60_000

testSink('redis', {
  async open() {
    const redis = await startRedis()
    const sinks = [open(redis)]
    return {
      sink: sinks[0]!,
      async restart() {
        sinks.push(open(redis))
        return sinks.at(-1)!
      },
      restored: (name) => redis.get(name),
      async [Symbol.asyncDispose]() {
        for (const sink of sinks) await sink[Symbol.asyncDispose]()
        await redis[Symbol.asyncDispose]()
      },
    }
  },
  fragmentsOf: (name, content, ends) => recordFragments(`0/${escapeKey(Buffer.from(name))}`, [{ key: name, value: content }], ends),
  refusedFragment: () => ({ ...recordFragments('0/bad', [{ key: 'bad', value: 'bad' }])[0]!, attributes: Buffer.from('no records') }),
})

function open(redis: TestRedis, options: Partial<RedisSinkOptions> = {}): CountedSink {
  return counted(createRedisSink({ name: 'cache', url: redis.url, staging: redis.temp.at('staging'), patienceMs: 0, ...options }))
}

/** All that one server has, as it would arrive at another. */
async function taken(from: TestRedis, options: { aloneMax?: number; databases?: number[] } = {}): Promise<IncomingFragment[]> {
  await using source = createRedisSource({ name: 'cache', url: from.url, ...options })
  return incoming(await readAll(source, await list(source)))
}

test('all types arrive as they were, with their times and how hot they are', async () => {
  for (const args of [lfu, ['--maxmemory-policy', 'allkeys-lru'], []]) {
    await using from = await startRedis({ args })
    await using to = await startRedis({ args })
    const binary = Buffer.from([0, 13, 10, 255, 36])
    await from.ask(['SET', binary, binary])
    await from.ask(['SET', 'counter', '42'])
    await from.ask(['RPUSH', 'list', 'a', 'b'])
    await from.ask(['HSET', 'hash', 'field', 'value'])
    await from.ask(['SADD', 'set', 'x'])
    await from.ask(['ZADD', 'sorted', 1.5, 'm'])
    await from.ask(['XADD', 'stream', '5-1', 'f', 'v'])
    await from.ask(['XGROUP', 'CREATE', 'stream', 'group', '0'])
    await from.ask(['PFADD', 'distinct', 'p'])
    await from.ask(['SETBIT', 'bits', 9, 1])
    await from.ask(['SET', 'brief', 'v', 'PX', 10 * minuteMs])
    await from.ask(['HSET', 'fleeting', 'f', 'v'])
    await from.ask(['PEXPIRE', 'fleeting', 20 * minuteMs])
    for (let read = 0; read < 300; read++) await from.get('counter')
    const before = await from.ask(['DBSIZE'])
    await using sink = open(to)
    const outcome = await sink.restore(await taken(from, { aloneMax: 4 }), never())
    assert.equal(outcome.refused, [])
    assert.is(await to.ask(['DBSIZE']), before)
    for (const key of [binary, 'counter', 'list', 'hash', 'set', 'sorted', 'stream', 'distinct', 'bits', 'brief', 'fleeting']) {
      const [dump, dumpBefore] = [await to.ask(['DUMP', key]), await from.ask(['DUMP', key])] as [Buffer, Buffer]
      assert.is(dump?.toString('hex'), dumpBefore.toString('hex'), `${String(key)} under ${args.at(-1)}`)
      const [left, leftBefore] = [Number(await to.ask(['PTTL', key])), Number(await from.ask(['PTTL', key]))]
      assert.ok(
        Math.abs(left - leftBefore) < minuteMs && Math.sign(left) === Math.sign(leftBefore),
        `${String(key)}: ${left} of ${leftBefore} ms`,
      )
    }
    if (args === lfu) assert.ok(Number(await to.ask(['OBJECT', 'FREQ', 'counter'])) > 6)
  }
})

test('a user with the commands that the README lists can hand off, and another can inherit', async () => {
  const readme = await readFile(join(import.meta.dirname, '../../README.md'), 'utf8')
  const [, handsOff = '', inherits = ''] = /to hand off: `([^`]+)`; to inherit: `([^`]+)`/.exec(readme) ?? []
  for (const args of [lfu, ['--maxmemory-policy', 'allkeys-lru']]) {
    await using from = await startRedis({ args })
    await using to = await startRedis({ args })
    const password = from.temp.at('password')
    await writeFile(password, 'p', { mode: 0o600 })
    await from.ask(['ACL', 'SETUSER', 'u', 'on', '>p', '~*', ...handsOff.split(' ')])
    await to.ask(['ACL', 'SETUSER', 'u', 'on', '>p', '~*', ...inherits.split(' ')])
    await from.ask(['SET', 'text', 'v', 'PX', minuteMs], 2)
    await from.ask(['RPUSH', 'list', 'v'])
    const login = { user: 'u', passwordFile: password }
    await using source = createRedisSource({ name: 'cache', url: from.url, ...login })
    await source.warm(never())
    await using sink = open(to, login)
    const { refused } = await sink.restore(incoming(await readAll(source, await list(source))), never())
    assert.equal(refused, [])
    assert.is((await to.get('text', 2))!.toString(), 'v')
    assert.is(await to.ask(['LLEN', 'list']), 1)
  }
})

test('the time since the last access goes with a key', async () => {
  await using from = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] })
  await using to = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] })
  await from.ask(['SET', 'model', 'v'])
  await from.ask(['RESTORE', 'old', 0, (await from.ask(['DUMP', 'model'])) as Buffer, 'IDLETIME', 7000])
  await using sink = open(to)
  await sink.restore(await taken(from), never())
  assert.ok(Math.abs(Number(await to.ask(['OBJECT', 'IDLETIME', 'old'])) - 7000) < 60)
})

test('databases are kept apart; one that the successor does not have is refused', async () => {
  await using from = await startRedis({ args: ['--databases', '20'] })
  await using to = await startRedis({ args: ['--databases', '16'] })
  for (const database of [0, 5, 19]) await from.ask(['SET', 'same', String(database)], database)
  await using sink = open(to)
  const { refused, chunks } = await sink.restore(await taken(from), never())
  assert.equal([(await to.get('same', 0))?.toString(), (await to.get('same', 5))?.toString()], ['0', '5'])
  assert.is(chunks, 2)
  assert.equal(
    refused.map(({ id }) => id),
    ['19/same'],
  )
  assert.match(refused[0]!.reason, /out of range/)
})

test('what is there already stays, whatever its type, and the account says how many', async () => {
  await using to = await startRedis()
  await to.ask(['SET', 'text', 'fresh'])
  await to.ask(['RPUSH', 'list', 'fresh'])
  await using from = await startRedis()
  for (const key of ['text', 'list', 'other']) await from.ask(['SET', key, 'stale'])
  await using sink = open(to)
  assert.is((await sink.restore(await taken(from), never())).chunks, 3)
  assert.is((await to.get('text'))!.toString(), 'fresh')
  assert.is(await to.ask(['LLEN', 'list']), 1)
  assert.is((await to.get('other'))!.toString(), 'stale')
  assert.match((await sink.finish(end, never())).notes!.join(), /2 keys were there already/)
})

test('what has expired on the way does not come back', async () => {
  await using to = await startRedis()
  await using sink = open(to)
  const fragments = recordFragments('0#1', [
    { key: 'over', value: 'v', expiresAtMs: nowMs() - 1 },
    { key: 'alive', value: 'v', expiresAtMs: nowMs() + minuteMs },
  ])
  assert.equal(await sink.restore(fragments, never()), { chunks: 1, bytes: 2, unfinished: [], refused: [] })
  assert.is(await to.ask(['DBSIZE']), 1)
})

test('a dump of a type or version that the server does not know is refused alone', async () => {
  await using to = await startRedis()
  await using sink = open(to)
  await to.ask(['SET', 'model', 'v'])
  const dump = (await to.ask(['DUMP', 'model'])) as Buffer
  const newer = Buffer.from(dump)
  newer[newer.length - 10] = 0xff
  const fragments = recordFragments('0#1', [
    { key: 'newer', value: newer, form: 'frequency', hotness: 9 },
    { key: 'known', value: dump, form: 'frequency', hotness: 9 },
  ])
  const { chunks, refused } = await sink.restore(fragments, never())
  assert.is(chunks, 0)
  assert.equal(
    refused.map(({ id }) => id),
    ['0/newer'],
  )
  assert.match(refused[0]!.reason, /version or checksum/)
  assert.is((await to.get('known'))!.toString(), 'v')
})

test('a full server takes what fits and refuses the rest with the reason', async () => {
  await using to = await startRedis({ args: ['--maxmemory', '3mb', '--maxmemory-policy', 'noeviction'] })
  await using sink = open(to)
  const refused: string[] = []
  for (let chunk = 0; chunk < 40; chunk++) {
    const outcome = await sink.restore(recordFragments(`0#${chunk}`, [{ key: `k${chunk}`, value: 'x'.repeat(100_000) }]), never())
    refused.push(...outcome.refused.map(({ reason }) => reason))
  }
  assert.ok(refused.length > 10 && refused.length < 40, `${refused.length} refused`)
  assert.match(refused[0]!, /maxmemory/)
})

test('a full server that evicts is not made to evict what is worth more', async () => {
  await using to = await startRedis({ args: ['--maxmemory', '3mb', '--maxmemory-policy', 'allkeys-lfu'] })
  await to.ask(['SET', 'own', 'value'])
  await using sink = open(to)
  let refused = 0
  for (let chunk = 0; chunk < 40; chunk++) {
    refused += (await sink.restore(recordFragments(`0#${chunk}`, [{ key: `k${chunk}`, value: 'x'.repeat(100_000) }]), never())).refused
      .length
  }
  assert.ok(refused > 10)
  assert.is((await to.get('own'))!.toString(), 'value')
  assert.is((await to.get('k0'))!.byteLength, 100_000)
})

test('a replica that only reads, and a server that is not there, cost their own state only', async () => {
  await using to = await startRedis({ args: ['--replicaof', '127.0.0.1', '1'] })
  await using sink = open(to)
  const { refused } = await sink.restore(recordFragments('0/k', [{ key: 'k', value: 'v' }]), never())
  assert.match(refused[0]!.reason, /replica/)
  await to.process.stop()
  const gone = await sink.restore(recordFragments('0/k', [{ key: 'k', value: 'v' }]), never())
  assert.match(gone.refused[0]!.reason, /nobody answers|broke|closed/)
  assert.equal(await sink.finish(end, never()), { dropped: 0 })
})

test('a server that starts after the agent is waited for', async () => {
  await using to = await startRedis()
  await to.process.stop()
  await using sink = open(to, { patienceMs: 60_000 })
  const restoring = sink.restore(recordFragments('0/k', [{ key: 'k', value: 'v' }]), never())
  await to.process.start()
  assert.is((await restoring).chunks, 1)
})

test('a server that is still loading its data is waited for, or refused as such; what it loads counts as there', async () => {
  await using before = await startRedis()
  await before.fill(Array.from({ length: 100 }, (_, index) => [`k${index}`, randomBytes(2000)]))
  await before.ask(['SAVE'])
  const slowly = ['--dir', before.temp.path, '--key-load-delay', '300000', '--loading-process-events-interval-bytes', '1024']
  await using to = await startRedis({ args: slowly })
  const fragments = recordFragments('0#1', [
    { key: 'k7', value: 'older' },
    { key: 'new', value: 'v' },
  ])
  await using impatient = open(to)
  assert.match((await impatient.restore(fragments, never())).refused[0]!.reason, /loading/)
  await using source = createRedisSource({ name: 'cache', url: to.url })
  assert.match((await refusedLater(list(source), 'busy')).message, /loading/)
  await using sink = open(to, { patienceMs: 60_000 })
  const restoring = sink.restore(fragments, never())
  using hurry = await PipelineSocket.open({ name: 'redis', path: to.url.slice('unix:'.length) }, never())
  await hurry.send(new Commands().add('CONFIG', 'SET', 'key-load-delay', 0).take(), new Answers(1, Buffer.alloc(64)), never())
  assert.is((await restoring).chunks, 1)
  assert.is((await to.get('k7'))!.byteLength, 2000)
  assert.is(await to.ask(['DBSIZE']), 101)
})

test('TLS with a certificate of our own; without it the server is not believed', async () => {
  const port = await freePort()
  await using certificates = await startRedis()
  const { temp } = certificates
  const [key, cert] = [temp.at('key.pem'), temp.at('cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  await promisify(execFile)('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    key,
    '-out',
    cert,
    '-days',
    '2',
    ...subject,
  ])
  const tls = [
    '--tls-port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--tls-cert-file',
    cert,
    '--tls-key-file',
    key,
    '--tls-ca-cert-file',
    cert,
    '--tls-auth-clients',
    'no',
  ]
  await using redis = await startRedis({ args: tls })
  const url = `rediss://localhost:${port}`
  await using sink = counted(createRedisSink({ name: 'cache', url, caFile: cert, staging: temp.at('staging'), patienceMs: 0 }))
  const content = randomBytes(1_500_000).toString('hex')
  assert.equal((await sink.restore(recordFragments('0/k', [{ key: 'k', value: content }]), never())).refused, [])
  assert.is((await redis.get('k'))!.toString(), content)
  await using source = createRedisSource({ name: 'cache', url, caFile: cert })
  assert.is(incoming(await readAll(source, await list(source))).length, 3)
  await using suspicious = createRedisSink({ name: 'cache', url, staging: temp.at('other'), patienceMs: 0 })
  assert.match((await suspicious.restore(recordFragments('0/k', [{ key: 'k', value: 'v' }]), never())).refused[0]!.reason, /ca_file/)
})

test('property: nothing that the successor wrote is ever replaced by what is older, however writes and restores fall together', async () => {
  await withSeed(async (random: SeededRandom) => {
    await using from = await startRedis({ args: lfu })
    await using to = await startRedis({ args: lfu })
    const keys = Array.from({ length: 3000 }, (_, index) => `k${index}`)
    await from.fill(keys.map((key) => [key, 'old'] as const))
    for (let index = 0; index < 200; index++) await from.ask(['RPUSH', `list${index}`, 'old'])
    const names = [...keys, ...Array.from({ length: 200 }, (_, index) => `list${index}`)]
    const fragments = await taken(from, { aloneMax: 0 })
    await using sink = open(to)
    const written = new Set<string>()
    const write = async () => {
      for (let count = 0; count < 1500; count++) {
        const key = names[random.integer(0, names.length - 1)]!
        await to.ask(random.next() < 0.5 ? ['SET', key, 'new'] : ['SET', key, 'new', 'PX', minuteMs])
        written.add(key)
      }
    }
    const restore = async () => {
      // Each comes twice, as after a crash.
      for (const each of [...fragments, ...fragments].sort(() => random.next() - 0.5)) await sink.restore([each], never())
    }
    await Promise.all([write(), restore(), restore()])
    for (const key of names) {
      const isText = (await to.ask(['TYPE', key])) === 'string'
      if (written.has(key)) assert.is(isText && (await to.get(key))!.toString(), 'new', key)
      else if (isText) assert.is((await to.get(key))!.toString(), 'old', key)
      else assert.is(await to.ask(['LLEN', key]), 1, key)
    }
  })
})

test.run()
