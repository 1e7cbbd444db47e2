// What an heir counts as restored when packs come twice: once from before it lost the claim, and once packed anew.

import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Journal, recallJournal } from '../../peer/inherit/journal.ts'
import { Restorer } from '../../peer/inherit/restorer.ts'
import type { RestorerOptions } from '../../peer/inherit/restorer-options.ts'
import type { IncomingFragment, RestoreOptions, Sink } from '../../peer/source/source.ts'
import { encodePack, type Verdict } from '../../src/chunk/pack.ts'
import { givenFragmentsMax, heldMsMax } from '../../src/limits/handoff.ts'
import { PackOpener, PackSealer } from '../../src/seal/pack-seal.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { makeTemp } from '../helpers/temp.ts'

const test = suite('restorer')

const packKey = { key: new Uint8Array(randomBytes(32)), pool: new Uint8Array(32), handoff: new Uint8Array(16) }
const summary = { source: 0, name: 'shop', kind: 'app', chunks: 3, bytes: 30, readProbability: 3 }

/** What the sink was given, in this order. */
const given: string[] = []

const sink: Sink = {
  name: 'shop',
  kind: 'app',
  restore(fragments: readonly IncomingFragment[]) {
    given.push(...fragments.map(({ id, offset }) => `${id}+${offset}`))
    // The second half is what completes a chunk.
    const unfinished = fragments.flatMap(({ offset, bytes }, index) => (offset + bytes.byteLength < 10 ? [index] : []))
    return Promise.resolve({ unfinished, refused: [] })
  },
  recall: () => Promise.resolve(),
  finish: () => Promise.resolve({}),
  [Symbol.asyncDispose]: () => Promise.resolve(),
}

/** An heir's process with the journal in this directory. */
async function openHeir(directory: string, told: Partial<Pick<RestorerOptions, 'onPlaced' | 'onFailed' | 'sinkOf'>> = {}) {
  const recalled = recallJournal(directory)
  const clock = new ManualClock(0)
  const journal = Journal.open(directory, { handoff: '0'.repeat(32), epoch: 1, seed: Buffer.alloc(32).toString('base64') }, recalled)
  const restorer = new Restorer({
    clock,
    opener: new PackOpener(packKey),
    journal,
    sinkOf: () => sink,
    signal: new AbortController().signal,
    onFirst() {},
    onRestored() {},
    onReferences() {},
    onAdvanced() {},
    onFailed: (error) => assert.unreachable(error.message),
    ...told,
  })
  await restorer.recall(recalled?.entries ?? [])
  return {
    restorer,
    journal,
    get counted() {
      const { chunks, bytes, weights } = restorer.restored
      return { chunks, bytes, weight: weights.get(0) }
    },
    /** A name is a whole chunk; one with `+5` is the second half of one. */
    /** A pack that may have to wait. */
    accept(number: number, ids: readonly string[], verdict?: Verdict) {
      const { pieces, bytes } = sealedPack(number, ids, verdict && { verdict })
      restorer.accept({ number, pieces, bytes, settle() {}, free() {} })
    },
    async take(number: number, ids: readonly string[], superseded: readonly number[] = [], promised = summary) {
      const { pieces, bytes } = sealedPack(number, ids, { superseded, promised })
      await new Promise<void>((settle) => restorer.accept({ number, pieces, bytes, settle, free() {} }))
    },
    clock,
    [Symbol.dispose]: () => journal[Symbol.dispose](),
  }
}

function sealedPack(
  number: number,
  ids: readonly string[],
  {
    barrier = 0,
    superseded = [],
    promised = summary,
    verdict,
  }: { barrier?: number; superseded?: readonly number[]; promised?: typeof summary; verdict?: Verdict } = {},
) {
  const fragments = ids.map(fragmentOf)
  const plain = encodePack({ barrier, sources: [promised], fragments, superseded: PackSet.of(superseded), ...(verdict && { verdict }) })
  return new PackSealer(packKey).seal(number, plain)
}

function fragmentOf(name: string) {
  const [id = '', offset] = name.split('+')
  const rest = { metadata: false, chunkBytes: 10, version: '', expiresAtMs: 0, attributes: new Uint8Array(0) }
  const head = { source: 0, id, readProbability: 1, offset: Number(offset ?? 0), ...rest }
  return { head, body: new Uint8Array(offset === undefined ? 10 : 5) }
}

/** Whatever could be restored is. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('chunks that come again, because their packs were given up, are counted once, also by the next process', async () => {
  await using temp = await makeTemp()
  const directory = temp.at('inheritance')
  {
    using heir = await openHeir(directory)
    await heir.take(0, ['a', 'b'])
    assert.equal(heir.counted, { chunks: 2, bytes: 20, weight: 2 })
    await heir.take(2, ['a', 'b'], [0, 1])
    assert.equal(heir.counted, { chunks: 2, bytes: 20, weight: 2 })
  }
  using heir = await openHeir(directory)
  assert.equal(heir.counted, { chunks: 2, bytes: 20, weight: 2 })
  await heir.take(3, ['c'], [0, 1])
  assert.is(heir.restorer.restored.chunks, 3)
})

test('a chunk in pieces that ends twice, because only its first piece was given up, is counted once', async () => {
  await using temp = await makeTemp()
  const directory = temp.at('inheritance')
  {
    using heir = await openHeir(directory)
    await heir.take(0, ['a+0'])
    await heir.take(1, ['a+5', 'b'])
    assert.is(heir.counted.chunks, 2)
    await heir.take(2, ['a+0'], [0])
    await heir.take(3, ['a+5'])
    assert.is(heir.counted.chunks, 2)
    assert.is(heir.counted.bytes, 20)
  }
  using heir = await openHeir(directory)
  assert.is(heir.counted.chunks, 2)
  await heir.take(4, ['b'], [0, 1])
  assert.is(heir.counted.chunks, 2)
})

test('a pack that was given up and comes after all is restored, and counted once', async () => {
  await using temp = await makeTemp()
  using heir = await openHeir(temp.at('inheritance'))
  await heir.take(1, ['a'], [0])
  await heir.take(0, ['a'])
  assert.is(heir.restorer.restored.chunks, 1)
  assert.ok(heir.restorer.completeBelow(2))
})

test('a pack that was given up and comes late puts nothing older over what came in its place', async () => {
  await using temp = await makeTemp()
  using heir = await openHeir(temp.at('inheritance'))
  await heir.take(2, ['a', 'b+0'], [0, 1])
  given.length = 0
  await heir.take(0, ['a', 'b+5', 'c'])
  assert.equal(given, ['c+0'])
  await heir.take(3, ['b+5'])
  assert.equal(heir.counted, { chunks: 3, bytes: 30, weight: 3 })
})

test('what waits for its barrier takes up no credit for long: it waits on disk then, and is restored when what it waits for has come', async () => {
  await using temp = await makeTemp()
  using heir = await openHeir(temp.at('inheritance'))
  const { pieces: sealed, bytes } = sealedPack(1, ['b'], { barrier: 1 })
  // As a transport brings them: a `Buffer` whose slices are no copies.
  const pieces = sealed.map((piece) => Buffer.allocUnsafeSlow(piece.byteLength).fill(piece))
  let isSettled = false
  const settle = () => (isSettled = true)
  // A lane gives the memory of what it has brought back.
  heir.restorer.accept({ number: 1, pieces, bytes, settle, free() {} })
  for (const { buffer } of pieces) buffer.transfer(0)
  heir.clock.advance(heldMsMax - 1)
  assert.equal([isSettled, [...heir.journal.held()]], [false, []])
  heir.clock.advance(1)
  assert.equal([isSettled, [...heir.journal.held()]], [true, [1]])
  given.length = 0
  await heir.take(0, ['a'])
  await heir.take(2, ['c'])
  assert.equal(given, ['a+0', 'b+0', 'c+0'])
  assert.equal([...heir.journal.held()], [])
})

test('barriers that were open, since nothing more was to come, are closed when there is somebody else to ask', async () => {
  await using temp = await makeTemp()
  using heir = await openHeir(temp.at('inheritance'))
  heir.restorer.open()
  heir.restorer.close()
  const { pieces, bytes } = sealedPack(1, ['b'], { barrier: 1 })
  const settled = new Promise<void>((settle) => heir.restorer.accept({ number: 1, pieces, bytes, settle, free() {} }))
  given.length = 0
  await heir.take(0, ['a'])
  await settled
  assert.equal(given, ['a+0', 'b+0'])
})

test('what is in place is told also when the journal can not be written any more', async () => {
  await using temp = await makeTemp()
  const placed: string[] = []
  const failed = Promise.withResolvers<void>()
  const heir = await openHeir(temp.at('inheritance'), {
    onPlaced: ({ source, restored }) => placed.push(...restored.map((id) => `${source}: ${id}`)),
    onFailed: () => failed.resolve(),
  })
  heir.journal[Symbol.dispose]()
  void heir.take(0, ['a', 'b+0'])
  await failed.promise
  assert.equal(placed, ['shop: a'])
})

test('few fragments are given to their sink, memory and all, and the journal still knows what is unfinished of them', async () => {
  await using temp = await makeTemp()
  const directory = temp.at('inheritance')
  const gifts: boolean[] = []
  const recalled: [string, number][] = []
  const keeping: Sink = {
    ...sink,
    takesMemory: true,
    restore(fragments: readonly IncomingFragment[], { isGiven = false }: RestoreOptions) {
      gifts.push(isGiven)
      const outcome = sink.restore(fragments, { signal: new AbortController().signal })
      const { buffer } = fragments[0]!.bytes
      if (isGiven && buffer instanceof ArrayBuffer) structuredClone(buffer, { transfer: [buffer] })
      return outcome
    },
    async recall(fragments) {
      recalled.push(...fragments.map(({ id, length }): [string, number] => [id, length]))
    },
  }
  const withIt = { sinkOf: () => keeping }
  {
    using heir = await openHeir(directory, withIt)
    await heir.take(0, ['a+0', 'b'])
    await heir.take(
      1,
      Array.from({ length: givenFragmentsMax + 1 }, (_, index) => `c${index}`),
    )
    assert.is(heir.counted.chunks, 1 + givenFragmentsMax + 1)
  }
  assert.equal(gifts, [true, false])
  using heir = await openHeir(directory, withIt)
  assert.equal(recalled, [['a', 5]])
  await heir.take(2, ['a+5'])
  assert.is(heir.counted.chunks, 2 + givenFragmentsMax + 1)
})

test('what waits for a verdict waits for the newest that any relay has told of', async () => {
  await using temp = await makeTemp()
  using heir = await openHeir(temp.at('inheritance'))
  given.length = 0
  const verdict = (since: number, whole: readonly number[]) => ({ since, whole: PackSet.of(whole), partial: new Map<number, PackSet>() })
  heir.restorer.judgement.raise(1)
  heir.restorer.judgement.raise(3)
  heir.restorer.judgement.raise(0)
  heir.accept(0, ['a'])
  heir.accept(1, ['b'])
  heir.accept(2, [], verdict(1, [0, 1]))
  await settled()
  assert.equal(given, [], 'the earlier catalog holds no more')
  heir.accept(3, ['c'], verdict(3, [1]))
  await settled()
  assert.equal(given.toSorted(), ['b+0', 'c+0'])
})

test('a promise of a pack that comes late does not take the place of a later one', async () => {
  await using temp = await makeTemp()
  using heir = await openHeir(temp.at('inheritance'))
  const promise = async (number: number, chunks: number) => {
    await heir.take(number, [], [], { ...summary, chunks, bytes: 10 * chunks, readProbability: chunks })
    return heir.restorer.sources.get(0)?.chunks
  }
  assert.is(await promise(1, 5), 5)
  assert.is(await promise(0, 3), 5)
  assert.is(await promise(2, 7), 7)
})

test.run()
