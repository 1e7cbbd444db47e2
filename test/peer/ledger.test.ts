// What becomes of chunks whose packs are lost.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
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

test.run()
