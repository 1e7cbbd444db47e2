// The plan's order, by the claims it carries out.

import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { Plan } from '../../src/plan/plan.ts'
import { compareRows, rankRows } from '../../src/plan/rank-rows.ts'
import { withSeed } from '../helpers/seed.ts'

const test = suite('plan')

const chunk = (id: string, fields: Partial<Chunk> = {}): Chunk => ({ id, kind: 'data', ...fields })

function takeAll(plan: Plan, index: number, bytesMax = 100): string[] {
  const ids: string[] = []
  for (let batch = plan.take(index, bytesMax, 0); batch.length > 0; batch = plan.take(index, bytesMax, 0))
    ids.push(...batch.map(({ id }) => id))
  return ids
}

test('claim 4: the application decides the order of its data', () => {
  const plan = new Plan()
  const { index } = plan.addSource('app', 'app')
  plan.add(index, [chunk('c', { readProbability: 0.1 }), chunk('a', { readProbability: 0.9 }), chunk('b')])
  assert.equal(takeAll(plan, index), ['c', 'a', 'b'])
})

test('claim 10: metadata is taken before data, wherever it stands in the list, and dirty chunks before clean ones', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ metadata: fc.boolean(), dirty: fc.boolean(), bytes: fc.nat(50) })), (shapes) => {
      const plan = new Plan()
      const { index } = plan.addSource('app', 'app')
      const chunks = shapes.map(({ metadata, dirty, bytes }, at) => chunk(`${at}`, { kind: metadata ? 'metadata' : 'data', dirty, bytes }))
      plan.add(index, chunks)
      const rank = ({ kind, dirty }: Chunk) => (kind === 'metadata' ? 0 : dirty === true ? 1 : 2)
      const expected = chunks.toSorted((a, b) => rank(a) - rank(b) || Number(a.id) - Number(b.id)).map(({ id }) => id)
      assert.equal(takeAll(plan, index), expected)
    }),
  )
})

test('a batch never mixes metadata with data', () => {
  const plan = new Plan()
  const { index } = plan.addSource('app', 'app')
  plan.add(index, [chunk('data', { bytes: 1 }), chunk('table', { kind: 'metadata', bytes: 1 })])
  assert.equal(
    plan.take(index, 1000, 0).map(({ id }) => id),
    ['table'],
  )
  assert.equal(
    plan.take(index, 1000, 0).map(({ id }) => id),
    ['data'],
  )
})

test('between sources the better head goes first: metadata, then dirty, then read probability per byte', () => {
  const plan = new Plan()
  const one = plan.addSource('one', 'app').index
  const two = plan.addSource('two', 'app').index
  const dense = chunk('dense', { bytes: 10, readProbability: 0.9 })
  const sparse = chunk('sparse', { bytes: 1000, readProbability: 0.9 })
  plan.add(one, [dense, chunk('other')])
  plan.add(two, [sparse, chunk('other')])
  assert.ok(plan.compare(one, dense, two, sparse) < 0)
  assert.ok(plan.compare(one, dense, two, chunk('t', { kind: 'metadata', bytes: 1e6 })) > 0)
  assert.ok(plan.compare(one, dense, two, chunk('d', { dirty: true, bytes: 1e6 })) > 0)
})

test('what has expired or comes from its origin is left out, with the reason; dirty chunks go in any case', () => {
  const plan = new Plan()
  const { index } = plan.addSource('app', 'app')
  plan.add(index, [
    chunk('old', { expiresAtMs: 5 }),
    chunk('elsewhere', { origin: 's3://bucket/key' }),
    chunk('dirty', { origin: 'x', dirty: true }),
  ])
  assert.equal(
    plan.take(index, 1e9, 10).map(({ id }) => id),
    ['dirty'],
  )
  assert.equal(plan.take(index, 1e9, 10), [])
  assert.equal([...plan.leftOut(index).keys()].toSorted(), ['expired', 'origin'])
})

test('what was given back goes first again', () => {
  const plan = new Plan()
  const { index } = plan.addSource('app', 'app')
  plan.add(index, [chunk('a', { bytes: 60 }), chunk('b', { bytes: 60 }), chunk('c', { bytes: 60 })])
  const [first] = plan.take(index, 60, 0)
  plan.giveBack(index, [first!])
  assert.equal(takeAll(plan, index), ['a', 'b', 'c'])
  assert.ok(plan.isEmpty(index))
})

test('many rows are put into the same order as few: by value, by priority, as they were listed', async () => {
  await withSeed(async (random) => {
    const count = 20_000
    const values = Float32Array.from({ length: count }, () => (random.integer(0, 3) === 0 ? random.integer(0, 50) : random.next() ** 20))
    const priorities = Float64Array.from({ length: count }, () => (random.next() < 0.5 ? NaN : random.integer(-3, 3)))
    for (const given of [undefined, priorities]) {
      const rows = Uint32Array.from({ length: count }, (_, row) => row)
      rankRows(rows, values, given)
      const expected = Array.from({ length: count }, (_, row) => row).sort((a, b) => compareRows(a, b, values, given))
      assert.equal([...rows], expected)
    }
  })
})

test.run()
