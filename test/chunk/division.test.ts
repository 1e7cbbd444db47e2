// The three ways to divide that are ours: by read probability, by content, and small items in groups.

import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { cutLength } from '../../src/chunk/content-cutter.ts'
import { divideByProbability } from '../../src/chunk/divide-probability.ts'
import { groupSmall } from '../../src/chunk/group-small.ts'
import { expectedBytes, valuePerByte } from '../../src/plan/chunk-table.ts'
import { seeded } from '../helpers/seed.ts'

const test = suite('division')

const items = fc.array(
  fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), readProbability: fc.double({ min: 0, max: 1, noNaN: true }) }),
  {
    maxLength: 100,
  },
)
const chunksOf = (shapes: readonly Partial<Chunk>[]) => shapes.map((shape, id): Chunk => ({ id: `${id}`, kind: 'data', ...shape }))
const divide = (chunks: readonly Chunk[], target = 10_000) => divideByProbability(chunks, target, valuePerByte, expectedBytes)
const groupsOf = (chunks: readonly Chunk[]) => [...Map.groupBy(chunks, ({ group }) => group).values()]
const idsOf = (chunks: readonly Chunk[]) => chunks.map(({ id }) => id)

test('by read probability: every group is worth at least as much for each byte as the next, and keeps to the target', () => {
  fc.assert(
    fc.property(items, (shapes) => {
      const chunks = chunksOf(shapes)
      const divided = divide(chunks)
      assert.equal(idsOf(divided).toSorted(), idsOf(chunks).toSorted())
      let last = Infinity
      for (const group of groupsOf(divided)) {
        const values = group.map((chunk) => Math.fround(valuePerByte(chunk)))
        assert.ok(Math.max(...values) <= last, 'the last byte that gets through is the least useful one')
        assert.ok(Math.max(...values) <= 4 * Math.min(...values), 'items of like probability are together')
        const bytes = group.reduce((sum, chunk) => sum + expectedBytes(chunk), 0)
        assert.ok(bytes <= 10_000 || group.length === 1)
        last = Math.min(...values)
      }
    }),
  )
})

test('by read probability: other probabilities draw other borders', () => {
  const shapes = Array.from({ length: 64 }, (_, at) => ({ bytes: 1000, readProbability: (at + 1) / 64 }))
  const borders = (chunks: readonly Chunk[]) => groupsOf(divide(chunks)).map(idsOf)
  const before = borders(chunksOf(shapes))
  const after = borders(chunksOf(shapes.map(({ bytes }, at) => ({ bytes, readProbability: shapes[(at * 37) % 64]!.readProbability }))))
  assert.not.equal(after, before)
  assert.equal(borders(chunksOf(shapes)), before, 'and the same ones the same')
})

test('by read probability: metadata, dirty chunks and what has a group already stay as they are', () => {
  const chunks: Chunk[] = [
    { id: 'cold', kind: 'data', readProbability: 0.1 },
    { id: 'own', kind: 'data', group: 'mine' },
    { id: 'table', kind: 'metadata' },
    { id: 'dirty', kind: 'data', dirty: true },
    { id: 'hot', kind: 'data', readProbability: 0.9 },
  ]
  const divided = divide(chunks)
  assert.equal(idsOf(divided), ['own', 'table', 'dirty', 'hot', 'cold'])
  assert.equal(divided.slice(0, 3), chunks.slice(1, 4))
})

test('small items are grouped as they are listed, up to the target; large ones and metadata are not', () => {
  const sizes = [100, 200, 900, 300, 100, 600, 100]
  let groups = 0
  const grouped = groupSmall(chunksOf(sizes.map((bytes) => ({ bytes }))), 1000, () => groups++, expectedBytes)
  assert.equal(
    grouped.map(({ group }) => group),
    ['content 0', 'content 0', undefined, 'content 1', 'content 1', undefined, 'content 2'],
  )
  assert.is(groupSmall([{ id: 'table', kind: 'metadata', bytes: 1 }], 1000, () => 0, expectedBytes)[0]!.group, undefined)
})

const target = 4096

function cutsOf(bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let rest = bytes
  for (let length = cutLength(rest, target); length !== undefined; length = cutLength(rest, target)) {
    pieces.push(rest.subarray(0, length))
    rest = rest.subarray(length)
  }
  return rest.byteLength > 0 ? [...pieces, rest] : pieces
}

function noise(length: number, seed: number): Uint8Array {
  const random = seeded(seed)
  return Uint8Array.from({ length }, () => Math.floor(random() * 256))
}

test('by content: pieces are between a quarter of the target and twice the target long, near it on average', () => {
  const lengths = cutsOf(noise(2_000_000, 1)).map(({ byteLength }) => byteLength)
  assert.ok(lengths.slice(0, -1).every((length) => length >= target / 4 && length <= 2 * target))
  const mean = 2_000_000 / lengths.length
  assert.ok(mean > target / 2 && mean < 1.5 * target, `pieces have ${mean} bytes on average`)
  assert.ok(cutsOf(new Uint8Array(100_000)).every(({ byteLength }) => byteLength <= 2 * target))
})

test('by content: an insertion moves only the borders near it', () => {
  const before = noise(400_000, 2)
  const after = new Uint8Array([...before.subarray(0, 200_000), ...noise(77, 3), ...before.subarray(200_000)])
  const known = new Set(cutsOf(before).map((piece) => Buffer.from(piece).toString('hex')))
  const pieces = cutsOf(after)
  const fresh = pieces.filter((piece) => !known.has(Buffer.from(piece).toString('hex')))
  assert.ok(fresh.length <= 4 && pieces.length > 50, `${fresh.length} of ${pieces.length} pieces are new`)
})

test('by content: what is cut of a stretch is what is cut of the whole, as far as it goes', () => {
  const whole = noise(100_000, 4)
  const all = cutsOf(whole).map(({ byteLength }) => byteLength)
  const [first] = all
  assert.is(cutLength(whole.subarray(0, first), target), first)
  assert.is(cutLength(whole.subarray(0, first! - 1), target), undefined)
})

test.run()
