// Records of key-value servers come from packs that a pool's member sealed; whatever is in them, reading never crashes, and what was written is read.

import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { groupRows } from '../../peer/source/keyed/group-rows.ts'
import { KeyTable } from '../../peer/source/keyed/key-table.ts'
import { escapeKey, keyId } from '../../peer/source/keyed/key-id.ts'
import { forms, Records } from '../../peer/source/keyed/records.ts'
import { Answers } from '../../peer/source/redis/answers.ts'
import { MetaAnswers } from '../../peer/source/memcached/meta-answers.ts'
import { parseItemLine } from '../../peer/source/memcached/item-line.ts'
import { keyGroupBytes, keyGroupedBytesMax, keyGroupKeysMax } from '../../src/limits/keyed.ts'
import { chunkIdBytesMax } from '../../src/limits/wire.ts'
import { recordFragments } from '../helpers/record-fragments.ts'
import { survives } from '../helpers/refusal.ts'

const test = suite('records of key-value servers')

const shape = {
  key: fc.uint8Array({ maxLength: 100 }),
  value: fc.uint8Array({ maxLength: 200 }),
  form: fc.constantFrom(...forms),
  hotness: fc.nat(0xffff_ffff),
  expiresAtMs: fc.nat(Number.MAX_SAFE_INTEGER),
}
const record = fc.record(shape, { noNullPrototype: true })

test('what was written is read', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), (written) => {
      const { attributes, bytes } = recordFragments('0#1', written)[0]!
      const records = new Records(attributes, bytes.byteLength)
      const read = Array.from({ length: records.count }, (_, index) => ({
        key: new Uint8Array(records.key(index)),
        value: new Uint8Array(bytes.subarray(records.valueStarts[index], records.valueStarts[index + 1])),
        form: records.form(index),
        hotness: records.hotness(index),
        expiresAtMs: records.expiresAtMs(index),
      }))
      assert.equal(read, written)
    }),
  )
})

test('records have the form that earlier peers wrote', () => {
  const [fragment] = recordFragments('0#1', [
    { key: 'a', value: 'one' },
    { key: 'bc', value: '', form: 'idle', hotness: 258, expiresAtMs: 1 },
  ])
  assert.is(
    Buffer.from(fragment!.attributes).toString('hex'),
    [
      '01',
      '00000002',
      '0002',
      '0000000100000002',
      '0000000300000000',
      '0000000000000102',
      '00000000000000003ff0000000000000',
      '616263',
    ].join(''),
  )
})

test('arbitrary bytes, and records with a byte changed, never crash the readers', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(1000), (bytes, length) => void survives(() => new Records(bytes, length))),
  )
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 5 }), fc.nat(), fc.nat(255), (written, at, byte) => {
      const { attributes, bytes } = recordFragments('0#1', written)[0]!
      const changed = new Uint8Array(attributes)
      changed[at % changed.byteLength] = byte
      survives(() => new Records(changed, bytes.byteLength))
    }),
  )
})

test('arbitrary answers of a server never crash their readers, however they are cut', () => {
  const piece = fc.oneof(
    fc
      .constantFrom(
        '$3\r\nabc\r\n',
        '*2\r\n',
        ':7\r\n',
        '+OK\r\n',
        '-ERR no\r\n',
        '$-1\r\n',
        'VA 3 f1 t-1\r\nabc\r\n',
        'MN\r\n',
        'HD\r\n',
        'EN\r\n',
        '*-1\r\n',
        '$99999999999\r\n',
      )
      .map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), fc.integer({ min: 1, max: 9 }), (pieces, cut) => {
      const bytes = Buffer.concat(pieces)
      for (const taker of [new Answers(5, Buffer.alloc(16)), new MetaAnswers()]) {
        survives(() => {
          for (let at = 0; at < bytes.byteLength && !taker.isComplete; at += cut) taker.add(bytes.subarray(at, at + cut))
        })
      }
      parseItemLine(bytes, 0, bytes.byteLength, Buffer.alloc(bytes.byteLength), {
        nameBytes: 0,
        lastAccessS: 0,
        wasFetched: false,
        bytes: 0,
      })
    }),
  )
})

test('answers are the same however they are cut', () => {
  const bytes = Buffer.from('*3\r\n$5\r\nhello\r\n:42\r\n$-1\r\n-ERR x\r\n+OK\r\nrest')
  for (let cut = 1; cut <= bytes.byteLength; cut++) {
    const answers = new Answers(3, Buffer.alloc(4))
    let used = 0
    for (let at = 0; !answers.isComplete; at += cut) used += answers.add(bytes.subarray(at, at + cut))
    assert.is(used, bytes.byteLength - 'rest'.length)
    assert.equal(
      [answers.number(0), answers.text(1), answers.number(2), answers.kind(3), answers.errorAt(4), answers.text(5)],
      [3, 'hello', 42, 0, 'ERR x', 'OK'],
    )
  }
})

test('a table of keys finds every key that was added and no other', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.uint8Array({ maxLength: 12 }), { maxLength: 3000, selector: (key) => Buffer.from(key).toString('hex') }),
      (keys) => {
        const table = new KeyTable()
        const half = keys.slice(0, keys.length >> 1)
        for (const key of half) table.add(key, 0, key.byteLength)
        keys.forEach((key, index) => assert.is(table.find(key, 0, key.byteLength), index < half.length ? index : -1))
        const even = table.kept((row) => row % 2 === 0)
        half.forEach((key, index) => assert.is(even.find(key, 0, key.byteLength) >= 0, index % 2 === 0))
      },
    ),
  )
})

test('claim 3: keys are divided by what they are worth: each goes once, in its order, with none that is worth far more or less', () => {
  const key = fc.record({ bytes: fc.integer({ min: 1, max: 40_000 }), value: fc.double({ min: 1e-6, max: 1, noNaN: true }) })
  fc.assert(
    fc.property(fc.array(key, { maxLength: 400 }), fc.nat(300), (keys, aloneMax) => {
      const sorted = keys.toSorted((a, b) => b.value - a.value)
      const rows = Uint32Array.from(sorted, (_, row) => row)
      const [bytesOf, valueOf] = [(row: number) => sorted[row]!.bytes, (row: number) => sorted[row]!.value]
      const groups = Array.from(groupRows({ rows, bytesOf, valueOf, aloneMax }), (group) => Array.from(group))
      assert.equal(groups.flat(), Array.from(rows))
      for (const group of groups) {
        const bytes = group.reduce((sum, row) => sum + bytesOf(row), 0)
        if (group.length === 1) continue
        assert.ok(keys.length > aloneMax && bytes <= keyGroupBytes && group.length <= keyGroupKeysMax)
        assert.ok(group.every((row) => bytesOf(row) <= keyGroupedBytesMax && 4 * valueOf(row) >= valueOf(group[0]!)))
      }
    }),
  )
})

test('every key has an id that can travel, and different keys have different ones', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6000 }), fc.uint8Array({ maxLength: 6000 }), (one, other) => {
      assert.ok(Buffer.byteLength(keyId(0, one)) <= chunkIdBytesMax)
      assert.is(keyId(0, one) === keyId(0, other), Buffer.compare(one, other) === 0)
      assert.equal(Buffer.from(decodeURIComponentBytes(escapeKey(one))), Buffer.from(one))
    }),
  )
})

function decodeURIComponentBytes(text: string): number[] {
  return [...text.matchAll(/%([0-9A-F]{2})|(.)/g)].map(([, hex, plain]) =>
    hex === undefined ? plain!.charCodeAt(0) : Number.parseInt(hex, 16),
  )
}

test.run()
