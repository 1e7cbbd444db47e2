// What is restored, as the heir's result tells it: of packs that weren't given up, each chunk once. Packs that were given up have their chunks in others,
// and an heir that lost the claim and has it again may have restored both; a chunk in pieces may end twice, too, when only some of them were given up.
//
// Memory: a number for each chunk that ended in pieces, which are few in a pack: those that didn't fit into the one before.

import type { JournalEntry } from './journal-lines.ts'

export class RestoredTally {
  chunks = 0
  bytes = 0
  /** By source. */
  readonly weights = new Map<number, number>()
  /** By source and id: in how many packs a chunk in pieces has ended. */
  readonly #ended = new Map<string, number>()

  add(entry: JournalEntry): void {
    this.#count(entry, 1)
    for (const [source, id, chunkBytes] of entry.ended ?? []) {
      const before = this.#ended.get(keyOf(source, id)) ?? 0
      this.#ended.set(keyOf(source, id), before + 1)
      if (before > 0) this.#again(chunkBytes, 1)
    }
  }

  /** The entry's pack was given up. */
  remove(entry: JournalEntry): void {
    this.#count(entry, -1)
    for (const [source, id, chunkBytes] of entry.ended ?? []) {
      const left = (this.#ended.get(keyOf(source, id)) ?? 1) - 1
      if (left === 0) this.#ended.delete(keyOf(source, id))
      else {
        this.#ended.set(keyOf(source, id), left)
        this.#again(chunkBytes, -1)
      }
    }
  }

  #count({ chunks, bytes, weights = {} }: JournalEntry, sign: 1 | -1): void {
    this.chunks += sign * chunks
    this.bytes += sign * bytes
    for (const [source, weight] of Object.entries(weights))
      this.weights.set(Number(source), (this.weights.get(Number(source)) ?? 0) + sign * weight)
  }

  /** A chunk was counted that was counted before. */
  #again(chunkBytes: number, sign: 1 | -1): void {
    this.chunks -= sign
    this.bytes -= sign * chunkBytes
  }
}

function keyOf(source: number, id: string): string {
  return `${source} ${id}`
}
