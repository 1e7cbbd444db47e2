// Which part a key belongs to: total, the same everywhere, in even shares, and stable when a part comes or goes.

import * as fc from 'fast-check'
import { createHash } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { splitPartsMax } from '../../src/limits/plan.ts'
import { createPartition } from '../../peer/split/partition.ts'
import { redisSlot } from '../../src/plan/redis-slot.ts'

const test = suite('parts of a state')

const anyKey = fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 64 }))
const anyParts = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 2, maxLength: splitPartsMax })

test('every key has one part, whatever the order in which the parts are named', () => {
  fc.assert(
    fc.property(anyParts, fc.array(anyKey, { maxLength: 20 }), (parts, keys) => {
      const one = createPartition({ by: 'key', parts })
      const other = createPartition({ by: 'key', parts: parts.toReversed() })
      for (const key of keys) {
        const part = one.partOf({ source: 's', key })
        assert.ok(parts.includes(part))
        assert.is(other.partOf({ source: 'another', key }), part)
      }
    }),
    { numRuns: 8 },
  )
})

test('when a part is added, keys move to it and nowhere else, about as many as its share', () => {
  fc.assert(
    fc.property(anyParts, (names) => {
      const [added = '', ...parts] = names.length > 2 ? names : [...names, 'third part']
      const before = createPartition({ by: 'key', parts })
      const after = createPartition({ by: 'key', parts: [...parts, added] })
      const keys = Array.from({ length: 4000 }, (_, index) => `key ${index}`)
      const moved = keys.filter((key) => before.partOf({ source: 's', key }) !== after.partOf({ source: 's', key }))
      for (const key of moved) assert.is(after.partOf({ source: 's', key }), added)
      const expected = keys.length / (parts.length + 1)
      assert.ok(moved.length > expected / 2 && moved.length < 2 * expected, `${moved.length} of ${expected}`)
    }),
    { numRuns: 5 },
  )
})

test('the part of a key is computed as the protocol says', () => {
  const parts = ['a', 'b', 'c', 'ö']
  const partition = createPartition({ by: 'key', parts })
  const documented = (key: string) => {
    const slot = createHash('sha256').update(key).digest().readUInt16BE(0) % 16_384
    const bytes = Buffer.from([slot >> 8, slot & 255])
    const weight = (part: string) => createHash('sha256').update('heirloom/1 part\0').update(bytes).update(part).digest()
    return parts.toSorted((one, other) => Buffer.compare(weight(other), weight(one)))[0]
  }
  for (let index = 0; index < 500; index++) assert.is(partition.partOf({ source: 's', key: `k${index}` }), documented(`k${index}`))
  // What other implementations may check themselves against.
  const known = { '': 'a', 'user:1000': 'b', 'models/llama.bin': 'ö', '☃': 'c' }
  assert.equal(Object.fromEntries(Object.keys(known).map((key) => [key, partition.partOf({ source: 's', key })])), known)
})

test('by group: what belongs together stays together, and what has no group goes by itself', () => {
  const { partOf } = createPartition({ by: 'group', parts: ['a', 'b', 'c', 'd'] })
  const ofGroup = new Set(Array.from({ length: 100 }, (_, index) => partOf({ source: 's', key: `${index}`, group: 'cart 7' })))
  assert.is(ofGroup.size, 1)
  const tagged = new Set(Array.from({ length: 100 }, (_, index) => partOf({ source: 's', key: `${index}`, group: Buffer.from('cart 7') })))
  assert.equal(tagged, ofGroup)
  const alone = new Set(Array.from({ length: 100 }, (_, index) => partOf({ source: 's', key: `${index}` })))
  assert.is(alone.size, 4)
})

test('by ranges of keys, in the order of their bytes: a bound is the first key of the range that follows', () => {
  const ranges = [{ part: 'low', below: 'g' }, { part: 'middle', below: 'models/b' }, { part: 'low', below: 'ö' }, { part: 'high' }]
  const { partOf } = createPartition({ by: 'key', parts: ['low', 'middle', 'high'], ranges })
  const of = (key: string) => partOf({ source: 's', key })
  assert.equal(['', 'f\u{10ffff}', 'g', 'models/a', 'models/b', 'z', 'ö', '☃'].map(of), [
    'low',
    'low',
    'middle',
    'middle',
    'low',
    'low',
    'high',
    'high',
  ])
})

test("Redis Cluster's slots are computed as its specification says", () => {
  const slotOf = (key: string) => redisSlot(Buffer.from(key))
  assert.is(slotOf('123456789'), 0x31c3)
  assert.equal(['foo', 'bar', 'hello'].map(slotOf), [12_182, 5061, 866])
  assert.is(slotOf('{user1000}.following'), slotOf('user1000'))
  assert.is(slotOf('foo{bar}{zap}'), slotOf('bar'))
  assert.is(slotOf('foo{{bar}}zap'), slotOf('{bar'))
  assert.is.not(slotOf('foo{}{bar}'), slotOf('bar'), 'empty braces are no tag')
  const ranges = [{ part: 'a', below: 5061 }, { part: 'b', below: 12_182 }, { part: 'c' }]
  const { partOf } = createPartition({ by: 'redis-slot', parts: ['a', 'b', 'c'], ranges })
  assert.equal(
    ['hello', 'bar', 'foo', '{hello}bar'].map((key) => partOf({ source: 's', key })),
    ['a', 'b', 'c', 'a'],
  )
})

test('an embedding program decides first; what it leaves open goes as configured', () => {
  const configured = createPartition({ by: 'key', parts: ['a', 'b'] })
  const asked: unknown[] = []
  const { partOf } = createPartition({ by: 'key', parts: ['a', 'b'] }, (item) => {
    asked.push(item)
    return item.key === 'mine' ? 'b' : item.key === 'wrong' ? 'nobody' : undefined
  })
  assert.is(partOf({ source: 'shop', key: Buffer.from('mine'), group: 'g' }), 'b')
  assert.equal(asked, [{ source: 'shop', key: 'mine', group: 'g' }])
  for (const key of ['wrong', 'x', 'y', 'z']) assert.is(partOf({ source: 'shop', key }), configured.partOf({ source: 'shop', key }))
})

test.run()
