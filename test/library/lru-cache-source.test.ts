// The ready adapter for lru-cache: what an application with such a cache gets without writing a source of its own.

import { lruCacheSource, serveAppSource, type AppSource, type FetchHandler } from 'heirloom'
import { LRUCache } from 'lru-cache'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('lru-cache as a source')

type Cache = LRUCache<string, string>

const query = { handoff: '00', reason: 'test', deadlineMs: 1_000, rateBytesPerSecond: 1e8, budgetBytes: 1e9 }

async function post(handler: FetchHandler, path: string, body: object): Promise<string> {
  const answer = await handler(new Request(`http://app/warm/v1/${path}`, { method: 'POST', body: JSON.stringify(body) }))
  assert.ok(answer.ok, `${path}: ${answer.status}`)
  return await answer.text()
}

interface Listed {
  readonly id: string
  readonly bytes: number
  readonly readProbability: number
  readonly expiresAtMs?: number
}

async function listOf(source: AppSource): Promise<Listed[]> {
  const lines = await post(serveAppSource(source), 'inventory', query)
  return lines.split('\n').flatMap((line) => (line === '' ? [] : (JSON.parse(line) as Listed)))
}

/** Hands all over, as the agents would, and answers the statuses of the restores. */
async function handOver(from: AppSource, to: AppSource, { isReady = true } = {}): Promise<number[]> {
  const [old, next] = [serveAppSource(from), serveAppSource(to)]
  const statuses: number[] = []
  for (const { id } of await listOf(from)) {
    const url = `http://app/warm/v1/chunks/${encodeURIComponent(id)}`
    const body = await (await old(new Request(url))).text()
    const { status } = await next(new Request(url, { method: 'PUT', body, headers: { 'heirloom-kind': 'data' } }))
    statuses.push(status)
  }
  if (isReady) await post(next, 'ready', {})
  return statuses
}

function filled(cache: Cache, count: number): Cache {
  for (let at = 0; at < count; at++) cache.set(`k${at}`, `value ${at}`)
  return cache
}

test('entries come back in their order, the most recently used in the first group', async () => {
  const old = filled(new LRUCache({ max: 1_000 }), 500)
  old.get('k7')
  const source = lruCacheSource({ cache: old, groupBytes: 1_000 })
  const chunks = await listOf(source)
  assert.ok(chunks.length > 5)
  assert.ok(chunks.every(({ readProbability }, at) => at === 0 || readProbability < chunks[at - 1]!.readProbability))
  const next: Cache = new LRUCache({ max: 1_000 })
  await handOver(source, lruCacheSource({ cache: next }))
  assert.equal([...next.entries()], [...old.entries()])
  assert.is([...next.keys()][0], 'k7')
})

test('what the successor has used itself stays, and counts as used later', async () => {
  const old = filled(new LRUCache({ max: 100 }), 10)
  const next: Cache = new LRUCache({ max: 100 })
  next.set('k3', 'fresher')
  next.set('own', 'x')
  await handOver(lruCacheSource({ cache: old }), lruCacheSource({ cache: next }))
  assert.is(next.get('k3'), 'fresher')
  assert.equal([...next.keys()].slice(0, 3), ['k3', 'own', 'k9'])
})

test('a time to live goes on where it was, and what has run out stays behind', async () => {
  let nowMs = 1_000
  const perf = { now: () => nowMs }
  const old: Cache = new LRUCache({ max: 10, perf, ttlResolution: 0 })
  old.set('long', 'x', { ttl: 1_000_000 })
  old.set('none', 'x')
  const next: Cache = new LRUCache({ max: 10, perf, ttlResolution: 0 })
  const source = lruCacheSource({ cache: old, name: 'pages' })
  const [chunk] = await listOf(source)
  assert.is(chunk!.expiresAtMs, undefined, 'one of them never expires')
  nowMs += 250_000
  await handOver(source, lruCacheSource({ cache: next, name: 'pages' }))
  assert.ok(Math.abs(next.getRemainingTTL('long') - 750_000) < 10_000, String(next.getRemainingTTL('long')))
  assert.is(next.getRemainingTTL('none'), Infinity)
  old.delete('none')
  assert.ok((await listOf(source))[0]!.expiresAtMs! > Date.now())
})

test('nothing is pushed out: what there is no room for is refused, and the best is there', async () => {
  const old = filled(new LRUCache({ max: 100 }), 100)
  const next: Cache = new LRUCache({ max: 30 })
  const statuses = await handOver(lruCacheSource({ cache: old, groupBytes: 200 }), lruCacheSource({ cache: next }))
  assert.equal([...new Set(statuses)], [204, 507])
  assert.equal([...next.keys()], [...old.keys()].slice(0, 30))
  const sized: Cache = new LRUCache({ maxSize: 100, sizeCalculation: (value) => value.length })
  await handOver(lruCacheSource({ cache: old, groupBytes: 200 }), lruCacheSource({ cache: sized }))
  assert.ok(sized.calculatedSize <= 100 && sized.size >= 10)
  assert.is([...sized.keys()][0], 'k99')
})

test('keys and values of any kind travel by the functions that are given', async () => {
  const old = new LRUCache<number, Date>({ max: 10 })
  old.set(1, new Date(5))
  const codec = {
    encode: (key: number, value: Date) => ({ key, at: value.getTime() }),
    decode: (written: unknown): [number, Date] => {
      const { key, at } = written as { key: number; at: number }
      return [key, new Date(at)]
    },
  }
  const next = new LRUCache<number, Date>({ max: 10 })
  await handOver(lruCacheSource({ cache: old, ...codec }), lruCacheSource({ cache: next, ...codec }))
  assert.is(next.get(1)!.getTime(), 5)
})

test('chunks of another cache, and what is no entry, are refused', async () => {
  const source = lruCacheSource({ cache: filled(new LRUCache({ max: 10 }), 1), name: 'mine' })
  const handler = serveAppSource(source)
  const put = async (id: string, body: string) =>
    (await handler(new Request(`http://app/warm/v1/chunks/${id}`, { method: 'PUT', body }))).status
  assert.is(await put('other%2F0', ''), 404)
  assert.is(await put('mine%2F1', '[1]\n'), 400)
  assert.is(await put('mine%2F1', 'what?\n'), 400)
  assert.is((await handler(new Request('http://app/warm/v1/chunks/mine%2F9'))).status, 404)
  assert.ok(source.owns('mine/3'))
  assert.not.ok(source.owns('mine/x') || source.owns('minex/3'))
})

test('a port is open to all of the machine: calls without the token are refused', async () => {
  const handler = serveAppSource(lruCacheSource({ cache: filled(new LRUCache({ max: 10 }), 1) }), { token: 'secret' })
  const ask = async (headers: Record<string, string>) =>
    (await handler(new Request('http://app/warm/v1/chunks/cache%2F0', { headers }))).status
  assert.is(await ask({}), 401)
  assert.is(await ask({ authorization: 'Bearer wrong' }), 401)
  assert.is(await ask({ authorization: 'Bearer secret' }), 404, 'let in; nothing is listed yet')
})

test.run()
