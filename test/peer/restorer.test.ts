// What an heir counts as restored when packs come twice: once from before it lost the claim, and once packed anew.

import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Journal, recallJournal } from '../../peer/inherit/journal.ts'
import { Restorer } from '../../peer/inherit/restorer.ts'
import type { IncomingFragment, Sink } from '../../peer/source/source.ts'
import { encodePack } from '../../src/chunk/pack.ts'
import { PackOpener, PackSealer } from '../../src/seal/pack-seal.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { makeTemp } from '../helpers/temp.ts'

const test = suite('restorer')

const packKey = { key: new Uint8Array(randomBytes(32)), pool: new Uint8Array(32), handoff: new Uint8Array(16) }
const summary = { source: 0, name: 'shop', kind: 'app', chunks: 3, bytes: 30, readProbability: 3 }
const body = new Uint8Array(10)

const sink: Sink = {
  name: 'shop',
  kind: 'app',
  restore: (fragments: readonly IncomingFragment[]) =>
    Promise.resolve({ chunks: fragments.length, bytes: fragments.length * 10, unfinished: [], refused: [] }),
  recall: () => Promise.resolve(),
  finish: () => Promise.resolve({ dropped: 0 }),
  [Symbol.asyncDispose]: () => Promise.resolve(),
}

/** An heir's process with the journal in this directory. */
async function openHeir(directory: string) {
  const recalled = recallJournal(directory)
  const journal = Journal.open(directory, { handoff: '', epoch: 1, seed: '' }, recalled)
  const restorer = new Restorer({
    opener: new PackOpener(packKey),
    journal,
    sinkOf: () => sink,
    signal: new AbortController().signal,
    onRestored() {},
    onReferences() {},
    onAdvanced() {},
    onFailed: (error) => assert.unreachable(error.message),
  })
  await restorer.recall(recalled?.entries ?? [])
  return {
    restorer,
    async take(number: number, ids: readonly string[], superseded: readonly number[] = []) {
      const fragments = ids.map((id) => ({ head: headOf(id), body }))
      const plain = encodePack({ barrier: 0, sources: [summary], fragments, superseded: PackSet.of(superseded) })
      const { pieces, bytes } = new PackSealer(packKey).seal(number, plain)
      await new Promise<void>((settle) => restorer.accept({ number, pieces, bytes, settle, free() {} }))
    },
    [Symbol.dispose]: () => journal[Symbol.dispose](),
  }
}

function headOf(id: string) {
  const rest = { metadata: false, offset: 0, chunkBytes: 10, version: '', expiresAtMs: 0, attributes: new Uint8Array(0) }
  return { source: 0, id, readProbability: 1, ...rest }
}

test('chunks that come again, because their packs were given up, are counted once, also by the next process', async () => {
  await using temp = await makeTemp()
  const directory = temp.at('inheritance')
  {
    using heir = await openHeir(directory)
    await heir.take(0, ['a', 'b'])
    assert.equal(heir.restorer.restored, { chunks: 2, bytes: 20, weights: new Map([[0, 2]]) })
    await heir.take(2, ['a', 'b'], [0, 1])
    assert.equal(heir.restorer.restored, { chunks: 2, bytes: 20, weights: new Map([[0, 2]]) })
  }
  using heir = await openHeir(directory)
  assert.equal(heir.restorer.restored, { chunks: 2, bytes: 20, weights: new Map([[0, 2]]) })
  await heir.take(3, ['c'], [0, 1])
  assert.is(heir.restorer.restored.chunks, 3)
})

test('a pack that was given up and comes after all is restored and not counted', async () => {
  await using temp = await makeTemp()
  using heir = await openHeir(temp.at('inheritance'))
  await heir.take(1, ['a'], [0])
  await heir.take(0, ['a'])
  assert.is(heir.restorer.restored.chunks, 1)
  assert.ok(heir.restorer.completeBelow(2))
})

test.run()
