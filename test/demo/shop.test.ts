// The shop of the demo as a real process: what one hands to another through the app API gives the other its hit rate.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Agent, request } from 'undici'
import { Child } from '../../scripts/demo/child.ts'
import { defaultLoadShape, drive, shopRequests } from '../../scripts/demo/load.ts'
import { ShopClient } from '../../scripts/demo/shop-client.ts'
import { systemClock } from '../../src/clock.ts'

const test = suite('shop')
const signal = AbortSignal.timeout(60_000)
const root = join(import.meta.dirname, '../..')

interface Listed {
  readonly id: string
  readonly kind: string
  readonly readProbability: number
  readonly dirty?: boolean
}

async function startShop(folder: string, name: string) {
  const socket = join(folder, `${name}.sock`)
  const child = new Child({ name, cwd: root, command: ['scripts/demo/shop-main.ts', '--socket', socket, '--latency', '2'] })
  const { url } = await child.first('listening', { signal })
  const client = new ShopClient(String(url))
  const agent = new Agent({ connect: { socketPath: socket } })
  const warm = (method: 'GET' | 'PUT' | 'POST', path: string, body?: string, headers: Record<string, string> = {}) =>
    request(`http://app/warm/v1/${path}`, { method, dispatcher: agent, signal, headers, ...(body !== undefined && { body }) })
  return {
    child,
    client,
    warm,
    async [Symbol.asyncDispose]() {
      await Promise.all([client[Symbol.asyncDispose](), agent.destroy()])
      await child[Symbol.asyncDispose]()
    },
  }
}

type RunningShop = Awaited<ReturnType<typeof startShop>>

/** Sends exactly `count` requests; the answer is the share that came from memory. */
async function sendRequests({ client }: RunningShop, seed: number, count: number): Promise<number> {
  const requests = shopRequests({ ...defaultLoadShape, seed })
  let hits = 0
  let sent = 0
  const worker = async () => {
    while (sent++ < count) if ((await client.send(requests.next().value, signal)).hit) hits++
  }
  await Promise.all(Array.from({ length: 32 }, worker))
  return hits / count
}

async function inventoryOf({ warm }: RunningShop): Promise<Listed[]> {
  const question = { handoff: 'cd'.repeat(16), reason: 'test', deadlineMs: 10_000, rateBytesPerSecond: 1e8, budgetBytes: 1e9 }
  const text = await (await warm('POST', 'inventory', JSON.stringify(question))).body.text()
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Listed)
}

test('a direct dump of one shop into another gives the other the hit rate, the sessions and the carts of the first', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shop-'))
  try {
    await using old = await startShop(folder, 'old')
    await using heir = await startShop(folder, 'heir')
    await using cold = await startShop(folder, 'cold')
    await sendRequests(old, 1, 8000)
    const chunks = await inventoryOf(old)
    for (const { id, kind } of [
      ...chunks.filter((chunk) => chunk.kind === 'metadata'),
      ...chunks.filter((chunk) => chunk.kind === 'data'),
    ]) {
      const content = await (await old.warm('GET', `chunks/${encodeURIComponent(id)}`)).body.text()
      const { statusCode, body } = await heir.warm('PUT', `chunks/${encodeURIComponent(id)}`, content, { 'heirloom-kind': kind })
      assert.is(statusCode, 204, await body.text())
    }
    assert.is((await heir.warm('POST', 'ready', '{}')).statusCode, 204)
    const [before, after] = [await old.client.stats(signal), await heir.client.stats(signal)]
    assert.equal([after.products, after.sessions, after.cartItemsRestored], [before.products, before.sessions, before.cartItems])
    assert.ok(after.ready)
    assert.is(after.restored, chunks.length)
    assert.equal(after.firstRestored.slice(0, 2), ['products/segments', 'sessions/directory'])
    const [warmRate, coldRate, oldRate] = [
      await sendRequests(heir, 2, 500),
      await sendRequests(cold, 2, 500),
      await sendRequests(old, 2, 500),
    ]
    assert.is(warmRate, oldRate)
    assert.ok(warmRate > coldRate + 0.3, `warm ${warmRate}, cold ${coldRate}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('the shop lists its tables, then its sessions, then its products by how much they are read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shop-'))
  try {
    await using shop = await startShop(folder, 'shop')
    await sendRequests(shop, 3, 2000)
    const chunks = await inventoryOf(shop)
    assert.equal(
      chunks.slice(0, 2).map(({ kind }) => kind),
      ['metadata', 'metadata'],
    )
    const ranks = chunks.slice(2).map(({ id }) => (id.startsWith('sessions/') ? 0 : 1))
    assert.equal(
      ranks,
      [...ranks].sort((one, other) => one - other),
    )
    assert.ok(chunks.filter(({ id }) => /^sessions\/\d/.test(id)).every(({ dirty }) => dirty === true))
    const heat = chunks.filter(({ id }) => /^products\/\d/.test(id)).map(({ readProbability }) => readProbability)
    assert.equal(
      heat,
      [...heat].sort((one, other) => other - one),
    )
    assert.equal(await inventoryOf(shop), chunks)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('a segment without its table is put off, and an unknown chunk is not found', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shop-'))
  try {
    await using shop = await startShop(folder, 'shop')
    assert.is((await shop.warm('PUT', 'chunks/products%2F0000', '[]')).statusCode, 503)
    assert.is((await shop.warm('PUT', 'chunks/elsewhere', '[]')).statusCode, 404)
    assert.is((await shop.warm('GET', 'chunks/products%2F0000')).statusCode, 404)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('the same seed gives the same requests', () => {
  const take = (seed: number) => {
    const requests = shopRequests({ ...defaultLoadShape, seed })
    return Array.from({ length: 50 }, () => requests.next().value.path)
  }
  assert.equal(take(7), take(7))
  assert.not.equal(take(7), take(8))
})

test('a driver at a fixed rate sends as many requests as are due, however slow the answers are', async () => {
  // A clock on which waiting takes no time but passes it.
  let nowMs = 0
  const clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after(delayMs: number, run: () => void) {
      nowMs += delayMs
      queueMicrotask(run)
      return () => {}
    },
  }
  const requests = shopRequests({ ...defaultLoadShape, seed: 1 })
  let sent = 0
  const send = async () => ({ hit: sent++ % 2 === 0 })
  const result = await drive(requests, { send, clock, durationMs: 2000, perSecond: 100, inFlightMax: 1, signal })
  assert.is(result.requests, 200)
  assert.is(result.hitRate, 0.5)
  assert.is(result.firstSecondHitRate, 0.5)
  assert.is(result.reached(0.5), 990, 'of the first hundred answers half are hits')
  assert.is(result.reached(0.6), undefined)
})

test('a shop that answers nothing is an error, not a hit rate of zero', async () => {
  const send = () => Promise.reject(new Error('refused'))
  const requests = shopRequests({ ...defaultLoadShape, seed: 1 })
  const options = { send, clock: systemClock, durationMs: 60_000, inFlightMax: 4, signal }
  const outcome = await drive(requests, options).then(
    () => 'a result',
    (error: Error) => error.message,
  )
  assert.is(outcome, 'refused')
})

test.run()
