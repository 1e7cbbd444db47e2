// A sink as an heir counts what it restores: chunks and their bytes as they come into place, and at the end those that never did.

import { journalFragment } from '../../peer/inherit/fragment-forms.ts'
import { nothingPlaced, RestoredChunks } from '../../peer/inherit/restored-chunks.ts'
import type { IncomingFragment, Refused, RestoreOptions, Sink, SinkEnd, WaitOptions } from '../../peer/source/source.ts'

export interface Counted {
  /** Chunks that are in place with these fragments, and were not before; and their bytes. */
  readonly chunks: number
  readonly bytes: number
  readonly unfinished: readonly number[]
  readonly refused: readonly Refused[]
}

export interface CountedSink extends Sink {
  restore(fragments: readonly IncomingFragment[], options: RestoreOptions): Promise<Counted>
  /** How many chunks stayed unfinished. */
  finish(end: SinkEnd, options: WaitOptions): Promise<{ readonly dropped: number; readonly notes?: readonly string[] }>
}

const source = 0

/** Fragments as they are in a pack. */
function packed({ kind, bytes, ...head }: IncomingFragment) {
  return { ...head, source, metadata: kind === 'metadata', readProbability: 1, body: bytes }
}

export function counted(sink: Sink): CountedSink {
  const restored = new RestoredChunks()
  return {
    name: sink.name,
    kind: sink.kind,
    async restore(fragments, options) {
      const outcome = await sink.restore(fragments, options)
      const placed = nothingPlaced()
      if (fragments.length > 0) restored.settle(fragments.map(packed), outcome, placed)
      return { chunks: placed.chunks, bytes: placed.bytes, unfinished: outcome.unfinished, refused: outcome.refused }
    },
    async recall(fragments, options) {
      await sink.recall(fragments, options)
      const unfinished = fragments.map(({ length, ...head }) => journalFragment(packed({ ...head, bytes: new Uint8Array(length) })))
      restored.recall([{ pack: 0, chunks: 0, bytes: 0, keys: '', unfinished }])
    },
    async finish(end, options) {
      const { arrived = [], notes } = await sink.finish(end, options)
      for (const id of arrived) restored.arrive(source, id)
      return { dropped: restored.waiting(), ...(notes && { notes }) }
    },
    [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose](),
  }
}
