// Which chunks of one inheritance are in place, and how much that is: each chunk once, however often it comes. Packs that were given up have their
// chunks in others, and an heir that lost the claim and has it again may get both.

import type { DecodedPack } from '../../src/chunk/pack.ts'
import type { RestoreOutcome } from '../source/source.ts'
import type { JournalEntry, JournalFragment } from './journal-lines.ts'
import { KeySet, keyOf } from './key-set.ts'

type Fragment = Pick<DecodedPack['fragments'][number], 'source' | 'id' | 'chunkBytes' | 'readProbability'>

/** Chunks that came into place: how many, their bytes, the weight of them by source, and their keys for the journal. */
export interface Placed {
  chunks: number
  bytes: number
  readonly weights: Map<number, number>
  readonly keys: number[]
}

export function nothingPlaced(): Placed {
  return { chunks: 0, bytes: 0, weights: new Map(), keys: [] }
}

export interface Settlement {
  /** Ids of what is in place with the fragments. */
  readonly restored: readonly string[]
  /** Ids of what won't be. */
  readonly refused: readonly string[]
}

export class RestoredChunks {
  chunks = 0
  bytes = 0
  /** By source. */
  readonly weights = new Map<number, number>()
  readonly #inPlace = new KeySet()
  /** Chunks of which something is there and waits for the rest. */
  readonly #waiting = new Map<number, Fragment>()
  /** Arrived before anybody knew that they were waiting: two packs may be restored at a time. */
  readonly #early = new Set<number>()

  has(source: number, id: string): boolean {
    return this.#inPlace.has(keyOf(source, id))
  }

  /** Whether something of a chunk is there: all of it, or parts that wait for the rest. */
  hasSome(source: number, id: string): boolean {
    const key = keyOf(source, id)
    return this.#inPlace.has(key) || this.#waiting.has(key)
  }

  /** Chunks that wait, all or those of one source. */
  waiting(source?: number): number {
    if (source === undefined) return this.#waiting.size
    return this.#waiting.values().reduce((sum, each) => sum + (each.source === source ? 1 : 0), 0)
  }

  /** A chunk is in place that didn't come in a pack. */
  note(source: number, id: string): void {
    this.#inPlace.add(keyOf(source, id))
  }

  /** What became of a pack's fragments of one source; what that adds goes into `placed`. */
  settle(fragments: readonly Fragment[], { unfinished, inPlace, arrived = [], refused }: RestoreOutcome, placed: Placed): Settlement {
    const without = new Set(refused.map(({ id, chunk = id }) => chunk))
    const waiting = new Set(unfinished)
    for (const index of inPlace ?? []) waiting.delete(index)
    for (const [index, fragment] of fragments.entries()) {
      if (waiting.has(index) && !without.has(fragment.id)) this.#wait(fragment, placed)
    }
    const restored = new Set<string>()
    for (const [index, fragment] of fragments.entries()) {
      if (without.has(fragment.id)) this.#waiting.delete(keyOf(fragment.source, fragment.id))
      else if (!waiting.has(index)) {
        this.#place(fragment, placed)
        restored.add(fragment.id)
      }
    }
    for (const id of arrived) {
      this.arrive(fragments[0]!.source, id, placed)
      restored.add(id)
    }
    return { restored: [...restored], refused: [...without] }
  }

  /** A chunk that waited is in place. */
  arrive(source: number, id: string, placed: Placed = nothingPlaced()): void {
    const key = keyOf(source, id)
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) this.#place(waiting, placed)
    else if (!this.#inPlace.has(key)) this.#early.add(key)
  }

  /** After a restart: what the journal says of all packs. */
  recall(entries: readonly JournalEntry[]): void {
    for (const { chunks, bytes, weights = {}, keys } of entries) {
      this.chunks += chunks
      this.bytes += bytes
      for (const [source, weight] of Object.entries(weights)) this.#weigh(this.weights, Number(source), weight)
      for (const key of keysFrom(keys)) this.#inPlace.add(key)
    }
    for (const fragment of entries.flatMap(({ unfinished = [] }) => unfinished)) {
      const key = keyOf(fragment.source, fragment.id)
      if (!this.#inPlace.has(key)) this.#waiting.set(key, headOf(fragment))
    }
  }

  #wait(fragment: Fragment, placed: Placed): void {
    const key = keyOf(fragment.source, fragment.id)
    if (this.#early.delete(key)) this.#place(fragment, placed)
    else if (!this.#inPlace.has(key)) this.#waiting.set(key, headOf(fragment))
  }

  #place({ source, id, chunkBytes, readProbability }: Fragment, placed: Placed): void {
    const key = keyOf(source, id)
    this.#waiting.delete(key)
    if (!this.#inPlace.add(key)) return
    placed.keys.push(key)
    for (const sum of [this, placed]) {
      sum.chunks++
      sum.bytes += chunkBytes
      this.#weigh(sum.weights, source, readProbability)
    }
  }

  #weigh(weights: Map<number, number>, source: number, weight: number): void {
    weights.set(source, (weights.get(source) ?? 0) + weight)
  }
}

/** Without the views of the pack's memory. */
function headOf({ source, id, chunkBytes, readProbability }: Fragment | JournalFragment): Fragment {
  return { source, id, chunkBytes, readProbability }
}

/** Keys as the journal has them: base64 of 8 bytes each. */
export function keysToText(keys: readonly number[]): string {
  return Buffer.from(Float64Array.from(keys).buffer).toString('base64')
}

function keysFrom(text: string): Float64Array {
  const bytes = Buffer.from(text, 'base64')
  return new Float64Array(Uint8Array.from(bytes).buffer, 0, Math.floor(bytes.byteLength / 8))
}
