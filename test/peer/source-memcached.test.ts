// time-out: 180 s
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HeirloomError } from '../../src/errors.ts'
import { isLeftOut } from '../../src/chunk/chunk.ts'
import { keyId } from '../../peer/source/keyed/key-id.ts'
import { createMemcachedSink } from '../../peer/source/memcached/sink.ts'
import { createMemcachedSource } from '../../peer/source/memcached/source.ts'
import type { IncomingFragment } from '../../peer/source/source.ts'
import { end, testSink } from '../contract/sink.ts'
import { leftOutOf, list, never, readAll, testSource } from '../contract/source.ts'
import { metaKey, startMemcached, type TestMemcached } from '../helpers/memcached.ts'
import { incoming, recordFragments } from '../helpers/record-fragments.ts'
import { refusedLater } from '../helpers/refusal.ts'
import { withSeed } from '../helpers/seed.ts'
import { makeTemp } from '../helpers/temp.ts'
import { escapeKey } from '../../peer/source/keyed/key-id.ts'
import { counted, type CountedSink } from '../helpers/counted-sink.ts'

const test = suite('memcached')
/** For values of several MiB. */
const large = ['-I', '16m', '-m', '512']

testSource('memcached', {
  async open(content) {
    const memcached = await startMemcached(large)
    for (const [key, value] of content) await memcached.ask(`ms ${metaKey(key)} ${value.byteLength} b`, value)
    const source = createMemcachedSource({ name: 'pages', url: memcached.url, order: 'key' })
    return {
      source,
      remove: async (key) => void (await memcached.ask(`md ${metaKey(key)} b`)),
      async [Symbol.asyncDispose]() {
        await source[Symbol.asyncDispose]()
        await memcached[Symbol.asyncDispose]()
      },
    }
  },
  openAbsent: async () => createMemcachedSource({ name: 'pages', url: 'unix:/nowhere/memcached.sock' }),
  idsOf: (name) => [keyId(0, Buffer.from(name))],
})

testSink('memcached', {
  async open() {
    const memcached = await startMemcached(large)
    const sinks = [openSink(memcached)]
    return {
      sink: sinks[0]!,
      async restart() {
        sinks.push(openSink(memcached))
        return sinks.at(-1)!
      },
      restored: (name) => memcached.get(name),
      async [Symbol.asyncDispose]() {
        for (const sink of sinks) await sink[Symbol.asyncDispose]()
        await memcached[Symbol.asyncDispose]()
      },
    }
  },
  fragmentsOf: (name, content, ends) => recordFragments(`0/${escapeKey(Buffer.from(name))}`, [{ key: name, value: content }], ends),
  refusedFragment: () => ({ ...recordFragments('0/bad', [{ key: 'bad', value: 'bad' }])[0]!, attributes: Buffer.from('no records') }),
})

function openSink({ url, temp }: TestMemcached): CountedSink {
  return counted(createMemcachedSink({ name: 'pages', url, staging: temp.at('staging'), patienceMs: 0 }))
}

async function taken({ url }: TestMemcached, aloneMax?: number): Promise<IncomingFragment[]> {
  await using source = createMemcachedSource({ name: 'pages', url, aloneMax })
  return incoming(await readAll(source, await list(source)))
}

test('values, flags and times arrive; what is there already stays', async () => {
  await using from = await startMemcached()
  await using to = await startMemcached()
  await from.ask('ms plain 5 F77 T0', 'value')
  await from.ask('ms brief 5 T600', 'value')
  await from.ask(`ms lasting 5 T${60 * 60 * 24 * 100 + Math.floor(Date.now() / 1000)}`, 'value')
  await from.ask(`ms ${metaKey('söme key')} 5 b`, 'value')
  await from.ask('ms kept 5', 'stale')
  await to.ask('ms kept 5', 'fresh')
  await using sink = openSink(to)
  const outcome = await sink.restore(await taken(from, 0), never())
  assert.equal(outcome.refused, [])
  assert.is((await to.ask('mg plain v f t')).flags, 77)
  assert.is((await to.ask('mg plain v f t')).leftS, -1)
  const { leftS } = await to.ask('mg brief v t')
  assert.ok(leftS > 500 && leftS <= 600, `${leftS} s`)
  assert.ok((await to.ask('mg lasting v t')).leftS > 60 * 60 * 24 * 99)
  assert.is((await to.get('söme key'))!.toString(), 'value')
  assert.is((await to.get('kept'))!.toString(), 'fresh')
  assert.match((await sink.finish(end, never())).notes!.join(), /1 keys were there already/)
})

test('what was read again goes first, and being looked at is no reading', async () => {
  await using memcached = await startMemcached()
  for (let index = 0; index < 20; index++) await memcached.ask(`ms k${index} 1`, 'v')
  await memcached.get('k13')
  await using source = createMemcachedSource({ name: 'pages', url: memcached.url, order: 'recency' })
  await source.warm(never())
  const chunks = await list(source)
  assert.is(chunks[0]!.id, '0/k13')
  await readAll(source, chunks)
  assert.equal(
    (await list(source)).map(({ readProbability }) => readProbability! > 0.5),
    chunks.map((_, index) => index === 0),
  )
})

test('many items are grouped, and each arrives once', async () => {
  await using from = await startMemcached()
  await using to = await startMemcached()
  const count = 6000
  for (let index = 0; index < count; index++) await from.ask(`ms k${index} 3`, 'val')
  const fragments = await taken(from)
  assert.ok(fragments.length < count / 20)
  await using sink = openSink(to)
  assert.is((await sink.restore(fragments, never())).chunks, fragments.length)
  assert.is((await to.stats()).get('curr_items'), String(count))
})

test('an item that is too large is left out, or refused by a server that takes none so large; the rest arrives', async () => {
  await using from = await startMemcached(large)
  await using to = await startMemcached()
  await from.ask('ms large 3000000', Buffer.alloc(3_000_000, 'x'))
  await from.ask('ms small 1', 'v')
  await using source = createMemcachedSource({ name: 'pages', url: from.url, maxKeyBytes: 1_000_000 })
  assert.is(leftOutOf('0/large', await readAll(source, await list(source))).leftOut, 'too-large')
  await using sink = openSink(to)
  let refused: readonly { id: string; reason: string }[] = []
  for (const fragment of await taken(from)) refused = [...refused, ...(await sink.restore([fragment], never())).refused]
  assert.equal(
    refused.map(({ id }) => id),
    ['0/large'],
  )
  assert.match(refused[0]!.reason, /too large/)
  assert.is((await to.get('small'))!.toString(), 'v')
})

test('a full server is not made to evict what came first', async () => {
  await using to = await startMemcached(['-m', '2', '-o', 'slab_automove=0'])
  await using sink = openSink(to)
  const refused: string[] = []
  for (let chunk = 0; chunk < 60; chunk++) {
    const { refused: these } = await sink.restore(
      recordFragments(`0#${chunk}`, [{ key: `k${chunk}`, value: 'x'.repeat(100_000) }]),
      never(),
    )
    refused.push(...these.map(({ reason }) => reason))
  }
  assert.ok(refused.length > 10)
  assert.match(refused.at(-1)!, /full|out of memory/)
})

test('a server that is gone or stopped costs its own state only', async () => {
  await using from = await startMemcached()
  await from.ask('ms k 1', 'v')
  await using source = createMemcachedSource({ name: 'pages', url: from.url })
  const chunks = await list(source)
  from.process.signal('SIGSTOP')
  const controller = new AbortController()
  const reading = readAll(source, chunks, { signal: controller.signal }).catch((thrown: unknown) => thrown)
  controller.abort(new HeirloomError('timeout', 'over'))
  assert.is(((await reading) as HeirloomError).code, 'timeout')
  from.process.signal('SIGCONT')
  await from.process.stop()
  await using sink = openSink(from)
  assert.match((await sink.restore(recordFragments('0/k', [{ key: 'k', value: 'v' }]), never())).refused[0]!.reason, /nobody answers/)
  assert.equal(await sink.finish(end, never()), { dropped: 0 })
})

test('a server without the list of its keys is refused with what to do', async () => {
  await using memcached = await startMemcached(['-o', 'no_lru_crawler'])
  await using source = createMemcachedSource({ name: 'pages', url: memcached.url })
  assert.match((await refusedLater(list(source), 'unsupported', 'source-failed')).message, /crawler/)
})

test('a server that wants a login, and what is no memcached, are refused as such', async () => {
  await using temp = await makeTemp()
  await writeFile(temp.at('users'), 'user:secret\n')
  await using locked = await startMemcached(['-Y', temp.at('users')])
  await using source = createMemcachedSource({ name: 'pages', url: locked.url })
  const { message, hint } = await refusedLater(list(source), 'unsupported')
  assert.match(message, /unauthenticated/)
  assert.match(hint!, /password/)
  const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(temp.at('http.sock'))
  await using other = createMemcachedSource({ name: 'pages', url: `unix:${temp.at('http.sock')}` })
  await refusedLater(list(other), 'malformed', 'link-lost')
  await using sink = createMemcachedSink({ name: 'pages', url: locked.url, staging: temp.at('staging'), patienceMs: 0 })
  const { refused } = await sink.restore(recordFragments('0/k', [{ key: 'k', value: 'v' }]), never())
  assert.match(refused[0]!.reason, /unauthenticated/)
  server.close()
})

test('property: what the successor wrote is never replaced by what is older', async () => {
  await withSeed(async (random) => {
    await using from = await startMemcached()
    await using to = await startMemcached()
    const keys = Array.from({ length: 1500 }, (_, index) => `k${index}`)
    for (const key of keys) await from.ask(`ms ${key} 3`, 'old')
    const fragments = await taken(from, 0)
    await using sink = openSink(to)
    const written = new Set<string>()
    const write = async () => {
      for (let count = 0; count < 700; count++) {
        const key = keys[random.integer(0, keys.length - 1)]!
        await to.ask(`ms ${key} 3`, 'new')
        written.add(key)
      }
    }
    const restore = async () => {
      for (const each of [...fragments, ...fragments].sort(() => random.next() - 0.5)) await sink.restore([each], never())
    }
    await Promise.all([write(), restore(), restore()])
    for (const key of keys) assert.is((await to.get(key))!.toString(), written.has(key) ? 'new' : 'old', key)
  })
})

test('nothing of what changed while it was read is mixed', async () => {
  await using memcached = await startMemcached()
  await memcached.ask('ms k 1', 'v')
  await using source = createMemcachedSource({ name: 'pages', url: memcached.url })
  const chunks = await list(source)
  await memcached.ask('ms k 6 T500', 'longer')
  const parts = await readAll(source, chunks)
  assert.is(parts.filter(isLeftOut).length, 0)
  assert.is(Buffer.from(incoming(parts)[0]!.bytes).toString(), 'longer')
})

test.run()
