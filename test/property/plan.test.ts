// Plans against random inventories: what holds whatever sources list, in whatever pieces, while chunks are taken.

import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { chunkWeight, expectedBytes } from '../../src/plan/chunk-table.ts'
import { Plan } from '../../src/plan/plan.ts'

const test = suite('plans of random inventories')

const hint = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined })

const chunks: fc.Arbitrary<Chunk[]> = fc
  .array(
    fc.record({
      kind: fc.constantFrom('metadata' as const, 'data' as const, 'data' as const),
      bytes: hint(fc.nat(1e6)),
      readProbability: hint(fc.double({ min: 0, max: 1, noNaN: true })),
      priority: hint(fc.integer({ min: -5, max: 5 })),
      dirty: hint(fc.constant(true)),
      version: hint(fc.string()),
      expiresAtMs: hint(fc.nat()),
      group: hint(fc.constantFrom('a', 'b')),
    }),
    { maxLength: 200 },
  )
  .map((shapes) =>
    shapes.map((shape, index) => {
      const given = Object.fromEntries(Object.entries(shape).filter(([, value]) => value !== undefined)) as Omit<Chunk, 'id'>
      return { ...given, id: `ключ ${index}` }
    }),
  )

/** Lists in pieces of these sizes, and takes some after each. */
function listedAndTaken(plan: Plan, index: number, all: readonly Chunk[], sizes: readonly number[]): Chunk[][] {
  const taken: Chunk[][] = []
  let at = 0
  for (const size of sizes) {
    plan.add(index, all.slice(at, at + size))
    at += size
    taken.push(plan.take(index, 10_000, -1))
  }
  plan.add(index, all.slice(at))
  plan.settle(index)
  for (let batch = plan.take(index, 10_000, -1); batch.length > 0; batch = plan.take(index, 10_000, -1)) taken.push(batch)
  return taken
}

const rank = ({ kind, dirty }: Chunk) => (kind === 'metadata' ? 0 : dirty === true ? 1 : 2)
const density = (chunk: Chunk) => Math.fround(chunkWeight(chunk) / Math.max(1, expectedBytes(chunk)))

test('every chunk is taken once, exactly as it was listed', () => {
  fc.assert(
    fc.property(
      chunks,
      fc.array(fc.nat(40), { maxLength: 10 }),
      fc.constantFrom('forecast' as const, 'app' as const),
      (all, sizes, order) => {
        const plan = new Plan()
        const { index } = plan.addSource('one', 'app', { order })
        const taken = listedAndTaken(plan, index, all, sizes).flat()
        const plain = taken.map(({ valuePerByte, ...chunk }: Chunk & { valuePerByte?: number }) => (void valuePerByte, chunk))
        const byId = (a: Chunk, b: Chunk) => (a.id < b.id ? -1 : 1)
        assert.equal(plain.toSorted(byId), all.toSorted(byId))
        assert.ok(plan.isEmpty(index))
      },
    ),
  )
})

test('metadata is always first and dirty chunks are next, then by expected reads per byte, then by priority, then as listed', () => {
  fc.assert(
    fc.property(chunks, (listed) => {
      const all = listed.map(({ group: _, ...chunk }): Chunk => chunk)
      const plan = new Plan()
      const { index } = plan.addSource('one', 'app', { order: 'forecast' })
      const place = new Map(all.map(({ id }, at) => [id, at]))
      const expected = all.toSorted(
        (a, b) =>
          rank(a) - rank(b) ||
          (rank(a) === 0 ? 0 : density(b) - density(a) || (b.priority ?? 0) - (a.priority ?? 0)) ||
          place.get(a.id)! - place.get(b.id)!,
      )
      const taken = listedAndTaken(plan, index, all, []).flat()
      assert.equal(
        taken.map(({ id }) => id),
        expected.map(({ id }) => id),
      )
    }),
  )
})

test('while a source still lists, the best of what it has listed is taken', () => {
  fc.assert(
    fc.property(chunks, fc.array(fc.nat(40), { maxLength: 20 }), (listed, sizes) => {
      const all = listed.map(({ group: _, ...chunk }): Chunk => chunk)
      const plan = new Plan()
      const { index } = plan.addSource('one', 'app', { order: 'forecast' })
      const left = new Set<Chunk>()
      const byId = new Map(all.map((chunk) => [chunk.id, chunk]))
      let at = 0
      for (const size of sizes) {
        for (const chunk of all.slice(at, at + size)) left.add(chunk)
        plan.add(index, all.slice(at, at + size))
        at += size
        for (const { id } of plan.take(index, 10_000, -1)) {
          const chunk = byId.get(id)!
          left.delete(chunk)
          for (const other of left) {
            assert.ok(rank(chunk) <= rank(other))
            if (rank(chunk) === rank(other) && rank(chunk) > 0) assert.ok(density(chunk) >= density(other))
          }
        }
      }
    }),
  )
})

test('chunks of one group that are listed together are taken together, where no priorities of their own divide groups of equal worth', () => {
  fc.assert(
    fc.property(chunks, (listed) => {
      const all = listed.map(({ priority: _, ...chunk }, at): Chunk => ({
        ...chunk,
        kind: 'data',
        dirty: false,
        group: `group ${Math.floor(at / 7)}`,
      }))
      const plan = new Plan()
      const { index } = plan.addSource('one', 'app', { order: 'forecast' })
      const groups = listedAndTaken(plan, index, all, [])
        .flat()
        .map(({ group }) => group)
      const borders = groups.filter((group, at) => group !== groups[at - 1])
      assert.is(borders.length, new Set(groups).size)
    }),
  )
})

test('a list that is given anew stands in place of what is not taken yet, and nothing goes twice', () => {
  fc.assert(
    fc.property(chunks, chunks, fc.nat(200_000), fc.constantFrom('forecast' as const, 'app' as const), (before, after, bytes, order) => {
      const plan = new Plan()
      const { index } = plan.addSource('one', 'app', { order })
      plan.add(index, before)
      plan.settle(index)
      const early = plan.take(index, bytes, -1).map(({ id }) => id)
      const again = plan.again(index)
      again.add(after.slice(0, 100))
      const meanwhile = plan.take(index, bytes, -1).map(({ id }) => id)
      again.add(after.slice(100))
      again.settle()
      const went = new Set([...early, ...meanwhile])
      const rest = listedAndTaken(plan, index, [], [])
        .flat()
        .map(({ id }) => id)
      assert.equal(rest.toSorted(), after.flatMap(({ id }) => (went.has(id) ? [] : id)).toSorted())
      assert.is(plan.totals(index).chunks, went.size + rest.length)
    }),
  )
})

test.run()
