// What a source promised last holds, in whichever order its packs come.

import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Journal } from '../../peer/inherit/journal.ts'
import { Restorer } from '../../peer/inherit/restorer.ts'
import { encodePack } from '../../src/chunk/pack.ts'
import { PackOpener, PackSealer } from '../../src/seal/pack-seal.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { makeTemp } from '../helpers/temp.ts'

const test = suite('promises')

const packKey = { key: new Uint8Array(randomBytes(32)), pool: new Uint8Array(32), handoff: new Uint8Array(16) }

test('a promise of a pack that comes late does not take the place of a later one', async () => {
  await using temp = await makeTemp()
  const head = { handoff: '0'.repeat(32), epoch: 1, seed: Buffer.alloc(32).toString('base64') }
  using journal = Journal.open(temp.at('inheritance'), head, undefined)
  const restorer = new Restorer({
    opener: new PackOpener(packKey),
    journal,
    sinkOf: () => undefined,
    signal: new AbortController().signal,
    onFirst() {},
    onRestored() {},
    onReferences() {},
    onAdvanced() {},
    onFailed: (error) => assert.unreachable(error.message),
  })
  const promise = async (number: number, chunks: number) => {
    const sources = [{ source: 0, name: 'shop', kind: 'app', chunks, bytes: 10 * chunks, readProbability: chunks }]
    const plain = encodePack({ barrier: 0, sources, fragments: [], superseded: new PackSet() })
    const { pieces, bytes } = new PackSealer(packKey).seal(number, plain)
    await new Promise<void>((settle) => restorer.accept({ number, pieces, bytes, settle, free() {} }))
    return restorer.sources.get(0)?.chunks
  }
  assert.is(await promise(1, 5), 5)
  assert.is(await promise(0, 3), 5)
  assert.is(await promise(2, 7), 7)
})

test.run()
