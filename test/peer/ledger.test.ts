// What becomes of chunks whose packs are lost.

import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ByteRanges } from '../../src/chunk/byte-ranges.ts'
import { Ledger } from '../../peer/handoff/ledger.ts'
import type { Chunk } from '../../src/chunk/chunk.ts'

const test = suite('ledger')

const chunkOf = (id: string, bytes: number): Chunk => ({ id, kind: 'data', bytes })

function part(chunk: Chunk, offset: number, length: number, source = 0) {
  return { source, part: { chunk, offset, chunkBytes: chunk.bytes!, bytes: new Uint8Array(length) } }
}

test('a chunk of which several parts are lost is packed anew once, in the old order', () => {
  const ledger = new Ledger()
  const [large, small, other] = [chunkOf('large', 30), chunkOf('small', 5), chunkOf('other', 5)]
  ledger.append([part(large, 0, 10)])
  ledger.append([part(large, 10, 10), part(other, 0, 5, 1)])
  ledger.append([part(large, 20, 10), part(small, 0, 5)])
  for (const number of [0, 1, 2]) ledger.arrived(number)
  assert.is(ledger.delivered(0).chunks, 2)
  const lost = ledger.lost([0, 1, 2])
  assert.equal(
    [...lost].map(([source, chunks]) => [source, [...chunks].map(({ id }) => id)]),
    [
      [0, ['large', 'small']],
      [1, ['other']],
    ],
  )
  assert.equal(ledger.delivered(0), { chunks: 0, bytes: 0, weight: 0 })
  assert.is(ledger.safeBytes, 0)
})

test('bytes that come twice count once: a chunk whose end is lost is not there before its end has come again', () => {
  const ledger = new Ledger()
  const chunk = chunkOf('large', 25)
  for (const [offset, length] of [
    [0, 10],
    [10, 10],
    [20, 5],
  ] as const)
    ledger.append([part(chunk, offset, length)])
  for (const number of [0, 1, 2]) ledger.arrived(number)
  assert.equal(ledger.delivered(0), { chunks: 1, bytes: 25, weight: 1 })
  ledger.lost([2])
  assert.equal(ledger.delivered(0), { chunks: 0, bytes: 0, weight: 0 })
  // Packed anew, and cut elsewhere.
  ledger.append([part(chunk, 0, 12)])
  ledger.append([part(chunk, 12, 10)])
  ledger.append([part(chunk, 22, 3)])
  ledger.arrived(3)
  assert.is(ledger.delivered(0).chunks, 0)
  ledger.arrived(5)
  assert.is(ledger.delivered(0).chunks, 0)
  ledger.arrived(4)
  assert.equal(ledger.delivered(0), { chunks: 1, bytes: 25, weight: 1 })
  // What is left when one more is lost: from 0 to 20.
  ledger.lost([4, 5])
  assert.is(ledger.delivered(0).chunks, 0)
})

test('ranges of bytes are counted as a set of bytes is', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(60), fc.nat(12)), { maxLength: 30 }), (added) => {
      const ranges = new ByteRanges()
      const bytes = new Set<number>()
      for (const [offset, length] of added) {
        ranges.add(offset, length)
        for (let at = offset; at < offset + length; at++) bytes.add(at)
        assert.is(ranges.bytes, bytes.size)
      }
    }),
  )
})

test.run()
