import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { HeirloomError } from '../../src/errors.ts'
import { preview, type PlannedChunk, type Preview } from '../../peer/preview.ts'
import { PartCounts } from '../../peer/split/part-count.ts'
import { createPartition } from '../../peer/split/partition.ts'
import type { Source } from '../../peer/source/source.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('the dry run of a handoff')

function source(name: string, chunks: readonly Chunk[], failure?: HeirloomError): Source {
  return {
    name,
    kind: 'app',
    warm: () => Promise.resolve(),
    async *inventory() {
      yield [...chunks]
      if (failure !== undefined) throw failure
    },
    read: () => assert.unreachable('a dry run reads nothing') as never,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function run(
  sources: readonly Source[],
  limits: { deadlineMs?: number; bytesMax?: number } = {},
): Promise<{ found: Preview; order: PlannedChunk[] }> {
  const order: PlannedChunk[] = []
  const found = await preview({
    sources,
    deadlineMs: limits.deadlineMs ?? 10_000,
    reserveMs: 1000,
    rateBytesPerSecond: 1000,
    bytesMax: limits.bytesMax,
    clock: new ManualClock(50),
    signal: new AbortController().signal,
    onChunk: (chunk) => order.push(chunk),
  })
  return { found, order }
}

const sessions = source('sessions', [
  { id: 'likely', kind: 'data', bytes: 1000, readProbability: 0.9 },
  { id: 'unlikely', kind: 'data', bytes: 1000, readProbability: 0.1 },
  { id: 'table', kind: 'metadata', bytes: 500 },
])

test('metadata goes first, then the best of all sources', async () => {
  const other = source('index', [{ id: 'hot', kind: 'data', bytes: 100, readProbability: 1 }])
  const { found, order } = await run([sessions, other])
  assert.equal(
    order.map(({ id }) => id),
    ['table', 'hot', 'likely', 'unlikely'],
  )
  assert.equal(
    order.map(({ afterMs }) => afterMs),
    [0, 500, 600, 1600],
  )
  assert.is(found.budgetBytes, 9000)
  assert.equal(found.chunks, { known: 4, planned: 4, leftOut: 0 })
  assert.is(found.hitMass, 1)
})

test('the curve has its points where the state is, however much more there is time for', async () => {
  const { found } = await run([sessions], { deadlineMs: 1e9 })
  assert.is(found.hitMass, 1)
  assert.is(found.bound, 1)
  assert.equal(
    found.curve.map(([bytes]) => bytes),
    [0, 500, 1500, 2500],
  )
})

test('what the deadline or the policy leaves no room for stays, and is counted by its reason', async () => {
  const cut = await run([sessions], { deadlineMs: 2600 })
  assert.equal(
    cut.order.map(({ id }) => id),
    ['table', 'likely'],
  )
  assert.equal(cut.found.leftOut, { deadline: 1 })
  const limited = await run([sessions], { bytesMax: 600 })
  assert.equal(limited.found.leftOut, { limit: 2 })
})

test('what has expired or is had from elsewhere is left out', async () => {
  const { found } = await run([
    source('a', [
      { id: 'old', kind: 'data', bytes: 1, expiresAtMs: 10 },
      { id: 'shared', kind: 'data', bytes: 1, origin: 's3://somewhere' },
      { id: 'new', kind: 'data', bytes: 1 },
    ]),
  ])
  assert.equal(found.leftOut, { expired: 1, origin: 1 })
})

test('a source that fails is named, and what it said before counts', async () => {
  const { found } = await run([
    source('a', [{ id: 'x', kind: 'data', bytes: 1 }], new HeirloomError('source-failed', 'it hung up')),
    sessions,
  ])
  assert.is(found.sources[0]!.failed, 'it hung up')
  assert.is(found.sources[0]!.planned, 1)
  assert.is(found.chunks.planned, 4)
})

test('of a divided state it tells what falls to each part, which everything does once, and metadata to all', async () => {
  const chunks = Array.from({ length: 100 }, (_, index): Chunk => ({ id: `user:${index}`, kind: 'data', bytes: 10 }))
  const counts = new PartCounts(createPartition({ by: 'key', parts: ['a', 'b', 'c'] }))
  const { found } = await run([counts.counting(source('shop', chunks)), counts.counting(sessions)])
  assert.is(found.chunks.known, 103)
  const sum = (of: 'chunks' | 'bytes') => counts.parts.reduce((total, part) => total + part[of], 0)
  assert.is(sum('chunks'), 102 + 3)
  assert.is(sum('bytes'), 3000 + 3 * 500)
  for (const { part, chunks: own } of counts.parts) assert.ok(own > 20, `${part}: ${own}`)
})

test.run()
