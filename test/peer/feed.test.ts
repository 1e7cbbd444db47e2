// What is read ahead of the lanes while a source is still listing is the best that is known then; once all is known, only the best of all goes first.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Chunk, ChunkPart } from '../../src/chunk/chunk.ts'
import { Plan } from '../../src/plan/plan.ts'
import { Feed } from '../../peer/handoff/feed.ts'
import type { Source } from '../../peer/source/source.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('feed')

const chunkBytes = 1000

const page = (id: string, readProbability: number, more: Partial<Chunk> = {}): Chunk => ({
  id,
  kind: 'data',
  bytes: chunkBytes,
  readProbability,
  ...more,
})

/** Parts of two to a chunk. */
function open(order: 'forecast' | 'app' = 'forecast', mayRead: Promise<void> = Promise.resolve()) {
  const reads: string[] = []
  const source: Source = {
    name: 'pages',
    kind: 'test',
    warm: () => Promise.resolve(),
    inventory: () => assert.unreachable() as never,
    async *read(chunks) {
      await mayRead
      for (const chunk of chunks) {
        reads.push(chunk.id)
        const half = (offset: number): ChunkPart => ({ chunk, offset, chunkBytes, bytes: new Uint8Array(chunkBytes / 2) })
        yield [half(0), half(chunkBytes / 2)]
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  const plan = new Plan()
  const { index } = plan.addSource('pages', 'test', { order })
  let onChange = () => {}
  const feed = new Feed({
    index,
    source,
    plan,
    clock: new ManualClock(0),
    aheadBytes: 4 * chunkBytes,
    onChange: () => onChange(),
    onFailed: (error) => assert.unreachable(error.message),
  })
  const ending = new AbortController()
  const running = feed.run(ending.signal)
  /** Resolves when so many chunks were read in all. */
  const read = (count: number) =>
    new Promise<void>((resolve) => {
      onChange = () => reads.length >= count && resolve()
      onChange()
    })
  const list = (chunks: readonly Chunk[]) => {
    plan.add(index, chunks)
    feed.poke()
  }
  const settle = () => {
    plan.settle(index)
    feed.reconsider()
  }
  /** The ids of all that is left, in the order in which it goes. */
  const rest = async () => {
    const ids: string[] = []
    while (!feed.dry) {
      if (feed.head === undefined) await new Promise<void>((resolve) => (onChange = resolve))
      else {
        const { chunk, offset } = feed.shift()
        if (offset === 0) ids.push(chunk.id)
      }
    }
    ending.abort()
    await running
    return ids
  }
  return { plan, feed, reads, read, list, settle, rest }
}

test('what was read early makes way for what is worth more, and goes in its turn', async () => {
  const { feed, read, list, settle, rest, reads } = open()
  list([page('c', 3), page('b', 4), page('g', 1), page('h', 0.9)])
  await read(4)
  assert.is(feed.head!.chunk.id, 'b')
  list([page('a', 9), page('d', 2.5), page('e', 2)])
  settle()
  assert.equal(await rest(), ['a', 'b', 'c', 'd', 'e', 'g', 'h'])
  assert.is(reads.length, 11, 'four were read again')
})

test('what is worth more than all that came later stays, and so does what has begun to go', async () => {
  const { feed, read, list, settle, rest, reads } = open()
  list([page('c', 3), page('b', 4), page('g', 1), page('h', 0.9)])
  await read(4)
  assert.is(feed.shift().chunk.id, 'b')
  list([page('d', 2.5)])
  settle()
  assert.equal(await rest(), ['c', 'd', 'g', 'h'])
  assert.is(reads.length, 7)
})

test('what is being read when all is known is looked at when it is here', async () => {
  const gate = Promise.withResolvers<void>()
  const { list, read, settle, rest, reads } = open('forecast', gate.promise)
  list([page('c', 3), page('h', 0.9)])
  // It has taken both, and is kept from reading them.
  await Promise.resolve()
  list([page('a', 9)])
  settle()
  gate.resolve()
  await read(5)
  assert.equal(await rest(), ['a', 'c', 'h'])
  assert.equal(reads, ['c', 'h', 'a', 'c', 'h'])
})

test('metadata, dirty chunks and what goes as it is listed are never read twice', async () => {
  const value = open()
  value.list([page('table', 0, { kind: 'metadata' }), page('only here', 0, { dirty: true }), page('b', 1)])
  await value.read(3)
  value.list([page('a', 9)])
  value.settle()
  assert.equal(await value.rest(), ['table', 'only here', 'a', 'b'])
  assert.equal(value.reads, ['table', 'only here', 'b', 'a', 'b'])
  const listed = open('app')
  listed.list([page('b', 1)])
  await listed.read(1)
  listed.list([page('a', 9)])
  listed.settle()
  assert.equal(await listed.rest(), ['b', 'a'])
  assert.is(listed.reads.length, 2)
})

test.run()
