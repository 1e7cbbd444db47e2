// Which chunks are in which pack, what has been delivered of them, and what that is worth.
// A chunk counts as delivered when all of its parts are in packs that somebody has for good.

import type { Chunk, ChunkPart } from '../../src/chunk/chunk.ts'
import { chunkWeight } from '../../src/plan/chunk-table.ts'

export interface Entry {
  readonly source: number
  readonly part: Pick<ChunkPart, 'chunk' | 'offset' | 'chunkBytes'> & { readonly length: number }
}

export interface Delivered {
  chunks: number
  bytes: number
  weight: number
}

export class Ledger {
  /** By pack number; the bodies are not kept. */
  readonly #packs: (readonly Entry[])[] = []
  readonly #safe: boolean[] = []
  /** Of all parts in safe packs, also of chunks that aren't complete. */
  safeBytes = 0
  readonly #arrivedBytes = new Map<Chunk, number>()
  readonly #delivered: Delivered[] = []

  /** Notes what the next pack has in it and answers its number. */
  append(entries: readonly Entry[]): number {
    return this.#packs.push(entries) - 1
  }

  get packs(): number {
    return this.#packs.length
  }

  entries(number: number): readonly Entry[] {
    return this.#packs[number] ?? []
  }

  delivered(source: number): Delivered {
    return (this.#delivered[source] ??= { chunks: 0, bytes: 0, weight: 0 })
  }

  isSafe(number: number): boolean {
    return this.#safe[number] === true
  }

  /** A pack is safe. */
  arrived(number: number): void {
    this.#safe[number] = true
    for (const entry of this.entries(number)) this.#count(entry, 1)
  }

  /** A pack that was safe is lost; answers the chunks that must be packed anew, by source. */
  lost(number: number): Map<number, Chunk[]> {
    const chunks = new Map<number, Chunk[]>()
    this.#safe[number] = false
    for (const entry of this.entries(number)) {
      this.#count(entry, -1)
      const ofSource = chunks.get(entry.source) ?? []
      if (ofSource.at(-1) !== entry.part.chunk) ofSource.push(entry.part.chunk)
      chunks.set(entry.source, ofSource)
    }
    this.#packs[number] = []
    return chunks
  }

  #count({ source, part }: Entry, sign: 1 | -1): void {
    const delivered = this.delivered(source)
    this.safeBytes += sign * part.length
    if (part.length >= part.chunkBytes) return this.#add(delivered, part, sign)
    const before = this.#arrivedBytes.get(part.chunk) ?? 0
    const after = before + sign * part.length
    if (after === 0) this.#arrivedBytes.delete(part.chunk)
    else this.#arrivedBytes.set(part.chunk, after)
    if (before < part.chunkBytes && after >= part.chunkBytes) this.#add(delivered, part, 1)
    if (before >= part.chunkBytes && after < part.chunkBytes) this.#add(delivered, part, -1)
  }

  #add(delivered: Delivered, { chunk, chunkBytes }: Entry['part'], sign: 1 | -1): void {
    delivered.chunks += sign
    delivered.bytes += sign * chunkBytes
    delivered.weight += sign * chunkWeight(chunk)
  }
}
