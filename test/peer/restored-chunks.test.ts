// What an heir counts: every chunk once, in whatever pieces, packs and order it comes, and however often the process starts again.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { journalFragment } from '../../peer/inherit/fragment-forms.ts'
import type { JournalEntry } from '../../peer/inherit/journal-lines.ts'
import { keysToText, nothingPlaced, RestoredChunks } from '../../peer/inherit/restored-chunks.ts'
import type { RestoreOutcome } from '../../peer/source/source.ts'

const test = suite('restored chunks')

const done: RestoreOutcome = { unfinished: [], refused: [] }

function fragmentOf(id: string, { source = 0, chunkBytes = 10, weight = 1 } = {}) {
  const rest = { metadata: false, offset: 0, version: '', expiresAtMs: 0, attributes: new Uint8Array(0), body: new Uint8Array(chunkBytes) }
  return { source, id, chunkBytes, readProbability: weight, ...rest }
}

/** An heir's count with its journal. */
class Heir {
  chunks = new RestoredChunks()
  readonly entries: JournalEntry[] = []

  take(ids: readonly string[], outcome: RestoreOutcome = done) {
    const fragments = ids.map((id) => fragmentOf(id))
    const placed = nothingPlaced()
    const settlement = this.chunks.settle(fragments, outcome, placed)
    const { chunks, bytes } = placed
    const weights = Object.fromEntries(placed.weights)
    const unfinished = outcome.unfinished.map((index) => journalFragment(fragments[index]!))
    this.entries.push({ pack: this.entries.length, chunks, bytes, weights, keys: keysToText(placed.keys), unfinished })
    return settlement
  }

  restart(): void {
    this.chunks = new RestoredChunks()
    this.chunks.recall(this.entries)
  }

  get counted() {
    const { chunks, bytes, weights } = this.chunks
    return [chunks, bytes, weights.get(0) ?? 0, this.chunks.waiting()]
  }
}

test('chunks are in place one by one, by source', () => {
  const heir = new RestoredChunks()
  const ids = Array.from({ length: 5000 }, (_, at) => fragmentOf(`c${at}`, { source: at % 3 }))
  const placed = nothingPlaced()
  for (const fragment of ids) heir.settle([fragment], done, placed)
  for (const { source, id } of ids) {
    assert.is(heir.has(source, id), true)
    assert.is(heir.has((source + 1) % 3, id), false)
  }
  assert.equal([heir.chunks, placed.chunks, placed.bytes], [5000, 5000, 50_000])
})

test('pieces of a file are in place with the last of them', () => {
  const heir = new Heir()
  heir.take(['big//0', 'big//10'], { ...done, unfinished: [0, 1] })
  assert.equal([heir.counted, heir.chunks.has(0, 'big//0')], [[0, 0, 0, 2], false])
  heir.restart()
  assert.equal(heir.counted, [0, 0, 0, 2])
  const { restored } = heir.take(['big//20'], { ...done, arrived: ['big//0', 'big//10', 'big//20'] })
  assert.equal(restored.toSorted(), ['big//0', 'big//10', 'big//20'])
  assert.equal([heir.counted, heir.chunks.has(0, 'big//0')], [[3, 30, 3, 0], true])
})

test('a file whose last piece alone comes again stays counted whole', () => {
  const heir = new Heir()
  heir.take(['big//0'], { ...done, unfinished: [0] })
  heir.take(['big//10'], { ...done, arrived: ['big//0', 'big//10'] })
  heir.take(['big//10'])
  assert.equal(heir.counted, [2, 20, 2, 0])
  heir.restart()
  heir.take(['big//0'])
  assert.equal(heir.counted, [2, 20, 2, 0])
})

test('what was told to have arrived before its own pack was counted is counted with that', () => {
  const heir = new Heir()
  heir.take(['b'], { ...done, arrived: ['a'] })
  assert.equal(heir.counted, [1, 10, 1, 0])
  heir.take(['a'], { ...done, unfinished: [0] })
  assert.equal(heir.counted, [2, 20, 2, 0])
})

test('a folder is in place although something of it is still to come', () => {
  const heir = new Heir()
  assert.equal(heir.take(['folder'], { ...done, unfinished: [0], inPlace: [0] }).restored, ['folder'])
  heir.restart()
  assert.equal(heir.counted, [1, 10, 1, 0])
})

test('what is refused, or has a part that is, neither counts nor waits', () => {
  const heir = new Heir()
  heir.take(['a'], { ...done, unfinished: [0] })
  const refused = [
    { id: 'a', reason: 'too large' },
    { id: '0/key', chunk: 'b', reason: 'no room' },
  ]
  assert.equal(heir.take(['a', 'b', 'c'], { ...done, refused }), { restored: ['c'], refused: ['a', 'b'] })
  assert.equal(heir.counted, [1, 10, 1, 0])
})

test('what came another way is in place and not counted', () => {
  const heir = new Heir()
  heir.chunks.note(0, 'a')
  heir.take(['a', 'b'])
  assert.equal([heir.chunks.has(0, 'a'), heir.counted], [true, [1, 10, 1, 0]])
})

test('property: whatever comes again, in whatever order, the count is that of the chunks that are whole', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ file: fc.nat(3), pieces: fc.array(fc.nat(2), { minLength: 1, maxLength: 3 }) }) },
    { weight: 1, arbitrary: fc.constant('restart' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const heir = new Heir()
      const here = new Map<number, Set<number>>()
      for (const each of steps) {
        if (each === 'restart') heir.restart()
        else {
          const { file, pieces } = each
          const before = here.get(file) ?? new Set()
          here.set(file, before)
          const unfinished: number[] = []
          const arrived: string[] = []
          for (const [index, piece] of pieces.entries()) {
            const wasWhole = before.size === 3
            before.add(piece)
            if (before.size < 3) unfinished.push(index)
            else if (!wasWhole) arrived.push(...[0, 1, 2].map((at) => `${file}//${at}`))
          }
          heir.take(
            pieces.map((piece) => `${file}//${piece}`),
            { ...done, unfinished, arrived },
          )
        }
        const whole = [...here.values()].filter((set) => set.size === 3).length
        const parts = [...here.values()].reduce((sum, set) => sum + (set.size < 3 ? set.size : 0), 0)
        assert.equal(heir.counted, [3 * whole, 30 * whole, 3 * whole, parts])
      }
    }),
  )
})

test.run()
