// Which chunks are in which pack, what has been delivered of them, and what that is worth.
// A chunk counts as delivered when all of its parts are in packs that somebody has for good.

import type { Chunk, ChunkPart } from '../../src/chunk/chunk.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import { chunkWeight } from '../../src/plan/chunk-table.ts'

/** A part that goes into a pack. */
export interface Entry {
  readonly source: number
  readonly part: ChunkPart
}

/** What a pack has in it, in columns: there is an entry for every small file of the whole handoff, and each is kept until the end. */
interface Packed {
  readonly sources: Uint8Array
  readonly chunks: readonly Chunk[]
  /** For each: the chunk's bytes, and the part's. */
  readonly bytes: Float64Array
}

const empty: Packed = { sources: new Uint8Array(0), chunks: [], bytes: new Float64Array(0) }

export interface Delivered {
  chunks: number
  bytes: number
  weight: number
}

export class Ledger {
  /** By pack number; the bodies are not kept. */
  readonly #packs: Packed[] = []
  readonly #safe: boolean[] = []
  readonly #lanes: LaneKind[] = []
  /** Of all parts in safe packs, also of chunks that aren't complete. */
  safeBytes = 0
  readonly #arrivedBytes = new Map<Chunk, number>()
  readonly #delivered: Delivered[] = []

  /** Notes what the next pack has in it and answers its number. */
  append(entries: readonly Entry[]): number {
    const sources = new Uint8Array(entries.length)
    const bytes = new Float64Array(2 * entries.length)
    entries.forEach(({ source, part }, index) => {
      sources[index] = source
      bytes[2 * index] = part.chunkBytes
      bytes[2 * index + 1] = part.bytes.byteLength
    })
    return this.#packs.push({ sources, chunks: entries.map(({ part }) => part.chunk), bytes }) - 1
  }

  get packs(): number {
    return this.#packs.length
  }

  delivered(source: number): Delivered {
    return (this.#delivered[source] ??= { chunks: 0, bytes: 0, weight: 0 })
  }

  /** What a pack has in it. */
  *parts(number: number): Generator<{ source: number; chunk: Chunk; chunkBytes: number; length: number }> {
    const { sources, chunks, bytes } = this.#packs[number] ?? empty
    for (const [index, chunk] of chunks.entries()) {
      yield { source: sources[index]!, chunk, chunkBytes: bytes[2 * index]!, length: bytes[2 * index + 1]! }
    }
  }

  isSafe(number: number): boolean {
    return this.#safe[number] === true
  }

  /** By which lane a safe pack came there; undefined where that isn't known. */
  laneOf(number: number): LaneKind | undefined {
    return this.#lanes[number]
  }

  /** A pack is safe, by this lane. */
  arrived(number: number, lane?: LaneKind): void {
    this.#safe[number] = true
    if (lane !== undefined) this.#lanes[number] = lane
    const pack = this.#packs[number] ?? empty
    for (let index = 0; index < pack.chunks.length; index++) this.#count(pack, index, 1)
  }

  /** Packs that were safe are lost; answers the chunks that must be packed anew, by source, each once however many of its parts were lost. */
  lost(numbers: readonly number[]): Map<number, Set<Chunk>> {
    const chunks = new Map<number, Set<Chunk>>()
    for (const number of numbers) {
      this.#safe[number] = false
      const pack = this.#packs[number] ?? empty
      pack.chunks.forEach((chunk, index) => {
        this.#count(pack, index, -1)
        const source = pack.sources[index]!
        chunks.set(source, (chunks.get(source) ?? new Set()).add(chunk))
      })
      this.#packs[number] = empty
    }
    return chunks
  }

  #count(pack: Packed, index: number, sign: 1 | -1): void {
    const delivered = this.delivered(pack.sources[index]!)
    const chunk = pack.chunks[index]!
    const chunkBytes = pack.bytes[2 * index]!
    const length = pack.bytes[2 * index + 1]!
    this.safeBytes += sign * length
    if (length >= chunkBytes) return add(delivered, chunk, chunkBytes, sign)
    const before = this.#arrivedBytes.get(chunk) ?? 0
    const after = before + sign * length
    if (after === 0) this.#arrivedBytes.delete(chunk)
    else this.#arrivedBytes.set(chunk, after)
    if (before < chunkBytes && after >= chunkBytes) add(delivered, chunk, chunkBytes, 1)
    if (before >= chunkBytes && after < chunkBytes) add(delivered, chunk, chunkBytes, -1)
  }
}

function add(delivered: Delivered, chunk: Chunk, chunkBytes: number, sign: 1 | -1): void {
  delivered.chunks += sign
  delivered.bytes += sign * chunkBytes
  delivered.weight += sign * chunkWeight(chunk)
}
