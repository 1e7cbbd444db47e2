// What a storm of predecessors is judged by, and the state that they have. What becomes of them is measured by running it.

import { zstdCompressSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { missedOf, type Gone } from '../../scripts/load/storm.ts'
import { stormSources } from '../../scripts/load/storm-state.ts'
import { list, readAll } from '../contract/source.ts'

const test = suite('storm')

const plan = { predecessors: 2, deadlineMs: 5000, metadataMebibytes: 1, mebibytes: 8 }
const well: Gone = {
  tookMs: 4000,
  metadata: { planned: 16, delivered: 16 },
  deliveredBytes: 1e6,
  hitMass: { delivered: 0.7, bound: 0.705 },
}

test('what must hold is judged for each predecessor: its metadata, its order, its time; and of the relay its memory', () => {
  assert.equal(missedOf([well, well], 200e6, plan), [])
  const bad: readonly [Partial<Gone>, RegExp][] = [
    [{ metadata: { planned: 16, delivered: 15 } }, /predecessor 1: 15 of 16 chunks of metadata/],
    [{ hitMass: { delivered: 0.6, bound: 0.7 } }, /predecessor 1: 0.857 of what as many bytes could serve/],
    [{ tookMs: 5001 }, /predecessor 1: it took 5001 ms/],
  ]
  for (const [wrong, expected] of bad) {
    const missed = missedOf([well, { ...well, ...wrong }], 200e6, plan)
    assert.is(missed.length, 1)
    assert.match(missed[0]!, expected)
  }
  assert.match(missedOf([well], 301e6, plan).join(), /301 MB of the relay's memory/)
})

test('its state is metadata and pages that nothing compresses, listed in no order of their worth', async () => {
  const [tables, pages] = stormSources({ metadataBytes: 2 ** 20, dataBytes: 2 ** 23 })
  const metadata = await list(tables!)
  assert.ok(metadata.every(({ kind }) => kind === 'metadata'))
  assert.is(
    metadata.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
    2 ** 20,
  )
  const data = await list(pages!)
  assert.is(new Set(data.map(({ id }) => id)).size, 32)
  const worth = data.map(({ readProbability = 0 }) => readProbability)
  assert.not.equal(
    worth,
    worth.toSorted((a, b) => b - a),
  )
  assert.ok(Math.max(...worth) > 20 * Math.min(...worth))
  for (const [source, chunks] of [
    [tables!, metadata],
    [pages!, data.toSorted((a, b) => b.readProbability! - a.readProbability!).slice(0, 8)],
  ] as const) {
    const all = Buffer.concat((await readAll(source, chunks)).map((part) => ('bytes' in part ? part.bytes : Buffer.alloc(0))))
    assert.ok(zstdCompressSync(all).byteLength > 0.99 * all.byteLength)
  }
})

test.run()
