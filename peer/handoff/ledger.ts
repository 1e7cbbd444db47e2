// Which chunks are in which pack, what has been delivered of them, and what that is worth.
// A chunk counts as delivered when all of its bytes are in packs that somebody has for good. One that is packed anew may go in parts of which
// some are safe already: what counts is which bytes there are, not how many came.

import { ByteRanges } from '../../src/chunk/byte-ranges.ts'
import type { Chunk, ChunkPart } from '../../src/chunk/chunk.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import { chunkWeight } from '../../src/plan/chunk-table.ts'
import { IdIndex } from '../../src/plan/id-index.ts'
import type { Standing } from './standing.ts'

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
  /** For each: where in the chunk the part begins. Undefined while all are whole chunks. */
  readonly offsets: Float64Array | undefined
}

/** A part in a pack. */
interface PackedPart {
  readonly source: number
  readonly chunk: Chunk
  readonly chunkBytes: number
  readonly offset: number
  readonly length: number
}

/** A chunk that goes in parts. */
interface Parted {
  readonly ranges: ByteRanges
  /** As which it counts as delivered; undefined while it doesn't. */
  countedBytes: number | undefined
}

const empty: Packed = { sources: new Uint8Array(0), chunks: [], bytes: new Float64Array(0), offsets: undefined }

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
  /** Of each pack the number of its first part, counted over all packs. */
  readonly #starts: number[] = []
  #parts = 0
  /** Made when somebody looks for a chunk. */
  #index: IdIndex | undefined
  /** Of all parts in safe packs, also of chunks that aren't complete. */
  safeBytes = 0
  readonly #parted = new Map<Chunk, Parted>()
  readonly #delivered: Delivered[] = []

  readonly #ahead: Standing | undefined

  /** Of a handoff that was begun ahead of the notice: packs that were made before are none of this account's, what they have in them is told to `ahead`. */
  constructor(ahead?: Standing) {
    this.#ahead = ahead
    ahead?.countIn(this)
    for (let number = 0; number < (ahead?.first ?? 0); number++) {
      this.#packs.push(empty)
      this.#starts.push(0)
    }
  }

  /** A chunk is there already, whole. */
  kept(source: number, chunk: Chunk, chunkBytes: number): void {
    this.safeBytes += chunkBytes
    add(this.delivered(source), chunk, chunkBytes, 1)
  }

  /** Notes what the next pack has in it and answers its number. */
  append(entries: readonly Entry[]): number {
    this.#ahead?.packed(this.#packs.length, entries)
    const sources = new Uint8Array(entries.length)
    const bytes = new Float64Array(2 * entries.length)
    entries.forEach(({ source, part }, index) => {
      sources[index] = source
      bytes[2 * index] = part.chunkBytes
      bytes[2 * index + 1] = part.bytes.byteLength
    })
    this.#starts.push(this.#parts)
    this.#parts += entries.length
    const isParted = entries.some(({ part }) => part.bytes.byteLength < part.chunkBytes)
    const offsets = isParted ? Float64Array.from(entries, ({ part }) => part.offset) : undefined
    return this.#packs.push({ sources, chunks: entries.map(({ part }) => part.chunk), bytes, offsets }) - 1
  }

  get packs(): number {
    return this.#packs.length
  }

  delivered(source: number): Delivered {
    return (this.#delivered[source] ??= { chunks: 0, bytes: 0, weight: 0 })
  }

  /** What a pack has in it. */
  *parts(number: number): Generator<PackedPart> {
    const { sources, chunks, bytes, offsets } = this.#packs[number] ?? empty
    for (const [index, chunk] of chunks.entries()) {
      const [chunkBytes, length] = [bytes[2 * index]!, bytes[2 * index + 1]!]
      yield { source: sources[index]!, chunk, chunkBytes, offset: offsets?.[index] ?? 0, length }
    }
  }

  /** The packs that have a chunk, but for those that were lost; undefined when they don't have all of it. */
  packsOf(source: number, id: string): number[] | undefined {
    const before = this.#ahead?.packsOf(source, id) ?? []
    if (before.length > 0) return before
    const packs = this.#packsHere(source, id)
    const ranges = new ByteRanges()
    let isWhole = false
    for (const number of packs) {
      for (const part of this.parts(number)) {
        if (part.source !== source || part.chunk.id !== id) continue
        ranges.add(part.offset, part.length)
        isWhole = ranges.bytes >= part.chunkBytes
      }
    }
    return isWhole ? packs : undefined
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
    this.#ahead?.arrived(number)
    this.#safe[number] = true
    if (lane !== undefined) this.#lanes[number] = lane
    for (const part of this.parts(number)) {
      this.safeBytes += part.length
      if (part.length >= part.chunkBytes && !this.#parted.has(part.chunk)) add(this.delivered(part.source), part.chunk, part.chunkBytes, 1)
      else this.#cover(part)
    }
  }

  /** Packs that were safe are lost; answers the chunks that must be packed anew, by source, each once however many of its parts were lost. */
  lost(numbers: readonly number[]): Map<number, Set<Chunk>> {
    const chunks = new Map<number, Set<Chunk>>()
    for (const number of numbers) {
      for (const { source, chunk, chunkBytes, length } of this.parts(number)) {
        this.safeBytes -= length
        if (!this.#parted.has(chunk)) add(this.delivered(source), chunk, chunkBytes, -1)
        chunks.set(source, (chunks.get(source) ?? new Set()).add(chunk))
      }
      this.#safe[number] = false
      this.#packs[number] = empty
    }
    for (const [source, lost] of chunks) for (const chunk of lost) if (this.#parted.has(chunk)) this.#coverAgain(source, chunk)
    return chunks
  }

  /** Undefined for a part of a pack that was lost. */
  #chunkAt(part: number): { pack: number; source: number; chunk: Chunk } | undefined {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#starts[middle]! <= part) low = middle
      else high = middle - 1
    }
    const { sources, chunks } = this.#packs[low]!
    const index = part - this.#starts[low]!
    return chunks[index] && { pack: low, source: sources[index]!, chunk: chunks[index] }
  }

  #packsHere(source: number, id: string): number[] {
    this.#index ??= new IdIndex((part) => this.#chunkAt(part)?.chunk.id ?? '')
    this.#index.extend(this.#parts)
    const packs = new Set<number>()
    for (const part of this.#index.find(id)) {
      const at = this.#chunkAt(part)!
      if (at.source === source) packs.add(at.pack)
    }
    return [...packs]
  }

  #cover({ source, chunk, chunkBytes, offset, length }: PackedPart): void {
    const parted = this.#parted.get(chunk) ?? { ranges: new ByteRanges(), countedBytes: undefined }
    this.#parted.set(chunk, parted)
    parted.ranges.add(offset, length)
    if (parted.countedBytes !== undefined || parted.ranges.bytes < chunkBytes) return
    parted.countedBytes = chunkBytes
    add(this.delivered(source), chunk, chunkBytes, 1)
  }

  /** Some of its parts are lost: what is left is in the packs that are still safe. */
  #coverAgain(source: number, chunk: Chunk): void {
    const { countedBytes } = this.#parted.get(chunk)!
    if (countedBytes !== undefined) add(this.delivered(source), chunk, countedBytes, -1)
    this.#parted.set(chunk, { ranges: new ByteRanges(), countedBytes: undefined })
    for (const number of this.#packsHere(source, chunk.id))
      if (this.isSafe(number)) for (const part of this.parts(number)) if (part.chunk === chunk) this.#cover(part)
  }
}

function add(delivered: Delivered, chunk: Chunk, chunkBytes: number, sign: 1 | -1): void {
  delivered.chunks += sign
  delivered.bytes += sign * chunkBytes
  delivered.weight += sign * chunkWeight(chunk)
}
