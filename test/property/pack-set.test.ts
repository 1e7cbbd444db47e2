// Pack sets against the plainest model of one, a Set of numbers.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { controlFrameBytesMax, packRangesMax, packsMax } from '../../src/limits/wire.ts'
import { acknowledgeFrame } from '../../src/transfer/messages.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { refused, survives } from '../helpers/refusal.ts'

const test = suite('pack sets')

const near = fc.integer({ min: 0, max: 200 })
const number = fc.oneof(near, near, fc.integer({ min: 0, max: packsMax - 1 }))
const numbers = fc.array(number, { maxLength: 60 })
const ascending = (set: Iterable<number>) => [...set].sort((one, other) => one - other)

test('adding and deleting in any order gives what a set of numbers gives', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), number), { maxLength: 100 }), (steps) => {
      const set = new PackSet()
      const model = new Set<number>()
      for (const [adds, each] of steps) {
        if (adds) {
          assert.is(set.add(each), !model.has(each))
          model.add(each)
        } else {
          assert.is(set.delete(each), model.delete(each))
        }
      }
      assert.is(set.size, model.size)
      assert.equal([...set], ascending(model))
      for (const [, each] of steps) assert.is(set.has(each), model.has(each))
    }),
  )
})

test('the first missing number is the first that is missing', () => {
  const runs = fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 100 })), { maxLength: 5 })
  fc.assert(
    fc.property(runs, fc.integer({ min: 0, max: 450 }), (spans, from) => {
      const set = PackSet.of(spans.flatMap(([start, count]) => Array.from({ length: count }, (_, index) => start + index)))
      let expected = from
      while (set.has(expected)) expected++
      assert.is(set.firstMissing(from), expected)
      assert.is(set.hasAllBelow(expected), set.firstMissing() >= expected)
    }),
  )
})

test('runs carry the set to the other side', () => {
  fc.assert(
    fc.property(numbers, (members) => {
      const set = PackSet.of(members)
      const runs = set.toRuns()
      assert.equal([...PackSet.fromRuns(runs)], ascending(new Set(members)))
      assert.equal(PackSet.fromRuns(runs).toRuns(), runs)
    }),
  )
})

test('a copy is one', () => {
  fc.assert(
    fc.property(numbers, number, (members, more) => {
      const set = PackSet.of(members)
      const copy = set.clone()
      copy.add(more)
      assert.equal([...set], ascending(new Set(members)))
      assert.equal([...copy], ascending(new Set([...members, more])))
    }),
  )
})

test('any runs from the wire give a set or an error, never more than the bound', () => {
  const uint32 = fc.oneof(fc.nat(3), fc.nat(100), fc.integer({ min: 0, max: 0xffffffff }))
  fc.assert(
    fc.property(fc.array(uint32, { maxLength: 40 }), (runs) => {
      survives(() => assert.equal(PackSet.fromRuns(runs).toRuns(), runs))
    }),
  )
  refused(() => PackSet.fromRuns(Array.from({ length: 2 * packRangesMax + 2 }, () => 1)), 'too-large')
})

test('a set with more runs than the wire takes is cut at its low end and fits into a frame', () => {
  const odd = new PackSet()
  for (let each = 1; each < packsMax; each += 2) odd.add(each)
  const sent = PackSet.fromRuns(odd.toRuns())
  assert.is(sent.size, packRangesMax)
  assert.is([...sent].at(-1), packsMax - 1)
  for (const each of sent) assert.ok(odd.has(each))
  assert.ok(acknowledgeFrame({ packs: odd, windowBytes: 1 }).bytes <= controlFrameBytesMax)
})

test('a number that is none is refused', () => {
  for (const each of [-1, 0.5, packsMax, Number.NaN, Number.POSITIVE_INFINITY]) {
    refused(() => new PackSet().add(each), 'too-large')
    assert.not.ok(new PackSet().has(each))
    assert.not.ok(new PackSet().delete(each))
  }
})

test.run()
