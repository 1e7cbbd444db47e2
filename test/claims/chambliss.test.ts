// The mechanisms that the design lists under Chambliss, one test each, named after it.
// time-out: 300 s

import { randomBytes } from 'node:crypto'
import { globSync, statSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Chunk } from '../../src/chunk/chunk.ts'
import type { SendingLane } from '../../src/lane/lane.ts'
import { Plan } from '../../src/plan/plan.ts'
import { Dispatcher } from '../../src/transfer/dispatcher.ts'
import type { SealedPack } from '../../src/wire/sealed-pack.ts'
import { handOverScene } from '../helpers/claim-scene.ts'
import { lasting } from '../helpers/lasting.ts'
import { SeededRandom, withSeed } from '../helpers/seed.ts'
import { heldChunk, type HeldChunk } from '../helpers/warm-app.ts'

const test = suite('Chambliss')

test('hints first: number, sizes, frequencies, places and order are known before the first chunk is read', async () => {
  const { old, events, result } = await handOverScene({ chunks: [heldChunk('a', 1000), heldChunk('b', 5000)] })
  assert.equal(
    old.log.slice(0, 2).map(({ call }) => call),
    ['inventory', 'read'],
  )
  assert.is(events.find(({ event }) => event === 'inventory')!['chunks'], 2)
  assert.is(result.bytes.planned, 6000)
})

const hints = (random: SeededRandom): Chunk[] =>
  Array.from({ length: 500 }, (_, at) => ({
    id: `${at}`,
    kind: random.next() < 0.05 ? 'metadata' : 'data',
    bytes: random.integer(1, 10_000),
    readProbability: random.next(),
    ...(random.next() < 0.1 && { dirty: true }),
  }))

function planned(chunks: readonly Chunk[]): string[] {
  const plan = new Plan()
  plan.add(plan.addSource('state', 'app', { order: 'forecast' }).index, chunks)
  return plan
    .take(0, Infinity, 0)
    .concat(plan.take(0, Infinity, 0), plan.take(0, Infinity, 0))
    .map(({ id }) => id)
}

test('the planner runs on the predecessor, the successor or a third machine: the same hints, as they travel, give the same plan', async () => {
  await withSeed(async (random) => {
    const chunks = hints(random)
    const elsewhere = JSON.parse(JSON.stringify(chunks)) as Chunk[]
    assert.equal(planned(elsewhere), planned(chunks))
    assert.is(planned(chunks).length, chunks.length)
  })
})

test('two channels are used side by side under one time budget: what does not fit the direct one goes through shared storage, and nothing goes twice', async () => {
  const chunks = Array.from({ length: 30 }, (_, at) => noise(`block ${at}`, 1_000_000))
  const both = Promise.withResolvers<void>()
  let puts = 0
  let turn: Promise<unknown> = Promise.resolve()
  const { result, receipt, heir, events } = await handOverScene({
    chunks,
    waits: true,
    // The heir's application takes two chunks at once, and then one a second until there is a second channel: too slow for all, and never silent.
    heirApp: (restored) => ({
      async restore(chunk) {
        if (++puts > 2) await (turn = turn.then(() => Promise.race([both.promise, lasting(1000)])))
        restored.set(chunk.id, await chunk.bytes())
      },
    }),
    onEvent: (event) => {
      if (event.event === 'side-by-side') both.resolve()
    },
  })
  assert.is(result.outcome, 'delivered')
  assert.ok(result.lanes.store.packs > 0, JSON.stringify(result.lanes))
  assert.ok(result.lanes.stream.packs + result.lanes.fast.packs > 0, JSON.stringify(result.lanes))
  assert.is(result.resentBytes, 0)
  const moved = result.lanes.store.bytes + result.lanes.stream.bytes + result.lanes.fast.bytes
  // The receipt itself isn't counted in what it tells.
  assert.ok(moved - receipt.bytes.sealed < 64 * 1024, `each pack by one lane: ${moved} of ${receipt.bytes.sealed}`)
  assert.is(heir.restored.size, chunks.length)
  const [begun] = events.filter(({ event }) => event === 'side-by-side')
  assert.ok((begun!['heirBytesPerSecond'] as number) * 19 < 30e6, JSON.stringify(begun))
})

test('each of two channels takes from the head of one plan, as fast as it drains, and the bound counts both', () => {
  const dispatcher = new Dispatcher(['stream', 'store'])
  // A lane takes as many packs as it has room for.
  const lane = (kind: 'stream' | 'store', room: number) => ({ kind, have: [], canSend: () => room-- > 0 }) as unknown as SendingLane
  dispatcher.laneUp(lane('stream', 3))
  dispatcher.laneUp(lane('store', 2))
  for (let number = 0; number < 6; number++) dispatcher.add({ number, bytes: 1 } as SealedPack)
  const taken: string[] = []
  for (let next = dispatcher.next(() => true); next !== undefined; next = dispatcher.next(() => true)) {
    taken.push(`${next.pack.number} ${next.lane.kind}`)
    dispatcher.sent(next)
  }
  assert.equal(taken, ['0 stream', '1 stream', '2 stream', '3 store', '4 store'])
  const plan = new Plan()
  const chunks = Array.from({ length: 10 }, (_, id): Chunk => ({ id: `${id}`, kind: 'data', bytes: 100 }))
  plan.add(plan.addSource('state', 'app').index, chunks)
  const direct = { bytes: 300, likelihood: 1 }
  assert.is(plan.bound([direct]), 0.3)
  assert.is(Number(plan.bound([direct, { bytes: 200, likelihood: 0.5 }]).toFixed(9)), 0.4)
})

const noise = (id: string, bytes: number, more: Partial<HeldChunk> = {}): HeldChunk => ({
  ...heldChunk(id, 0, more),
  content: new Uint8Array(randomBytes(bytes)),
})

test('random blocks are packed as one sequential log in shared storage', async () => {
  const chunks = Array.from({ length: 60 }, (_, at) => noise(`block ${(at * 37) % 60}`, 10_000))
  let segments: number[] = []
  const { result } = await handOverScene({
    chunks,
    between: async (store) => {
      const files = globSync('**/*', { cwd: store, withFileTypes: true }).filter((entry) => entry.isFile())
      segments = files.map((entry) => statSync(`${entry.parentPath}/${entry.name}`).size).filter((size) => size > 100_000)
    },
  })
  assert.is(result.outcome, 'parked')
  assert.is(segments.length, 1, 'sixty blocks are in one file')
  assert.ok(segments[0]! >= 600_000)
})

test('what shared storage has already is passed by reference, the successor is told where, and nobody reads it', async () => {
  const chunks = [
    heldChunk('model', 5000, { origin: 's3://models/7' }),
    heldChunk('session', 100),
    heldChunk('changed model', 50, { origin: 's3://models/8', dirty: true }),
  ]
  const { old, heir, receipt, result } = await handOverScene({ chunks })
  assert.equal(old.asked('read').toSorted(), ['changed model', 'session'], 'a dirty chunk is read although it has an origin')
  assert.equal(receipt.sources[0]!.references, [{ id: 'model', origin: 's3://models/7' }])
  const told = heir.receipts[0]!['sources'] as { references: unknown }[]
  assert.equal(told[0]!.references, receipt.sources[0]!.references)
  assert.is(result.outcome, 'parked', 'what needn’t be sent is no loss')
})

test('dirty chunks, whose only copy is here, go before all other data', async () => {
  const chunks = [heldChunk('hot', 1000, { readProbability: 1 }), heldChunk('cart', 1000, { readProbability: 0.01, dirty: true })]
  for (const order of ['app', 'forecast']) {
    const { old } = await handOverScene({ chunks, manifest: { order } })
    assert.equal(old.asked('read'), ['cart', 'hot'])
  }
})

test('the order is by utility: expected reads for each byte', async () => {
  const chunks = [
    heldChunk('large and likely', 100_000, { readProbability: 0.9 }),
    heldChunk('small and unlikely', 100, { readProbability: 0.1 }),
    heldChunk('small and likely', 100, { readProbability: 0.5 }),
  ]
  const { old } = await handOverScene({ chunks, manifest: { order: 'forecast' } })
  assert.equal(old.asked('read'), ['small and likely', 'small and unlikely', 'large and likely'])
})

test('the receipt tells the bound of the linear program beside what was predicted and what was delivered', async () => {
  const chunks = Array.from({ length: 40 }, (_, at) => noise(`${at}`, 100_000, { readProbability: 0.9 ** at }))
  const { receipt } = await handOverScene({ chunks, manifest: { order: 'forecast' }, policy: { max_bytes: '3MB' } })
  const { predicted, delivered, bound = 0 } = receipt.hitMass
  assert.ok(delivered > 0.5 && delivered < 1 && delivered <= bound, JSON.stringify(receipt.hitMass))
  assert.ok(delivered >= 0.99 * bound && predicted >= delivered, JSON.stringify(receipt.hitMass))
  assert.is(receipt.sources[0]!.leftOut[0]!.reason, 'limit')
  assert.ok(receipt.curve!.length > 1)
  assert.ok(Math.abs(receipt.curve!.at(-1)![1] - delivered) < 1e-5)
})

test.run()
