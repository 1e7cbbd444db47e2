// Which chunks are in which pack, what has been delivered of them, and what that is worth.
// A chunk counts as delivered when all of its parts are in packs that somebody has for good.

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
  /** Of each pack the number of its first part, counted over all packs. */
  readonly #starts: number[] = []
  #parts = 0
  /** Made when somebody looks for a chunk. */
  #index: IdIndex | undefined
  /** Of all parts in safe packs, also of chunks that aren't complete. */
  safeBytes = 0
  readonly #arrivedBytes = new Map<Chunk, number>()
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

  /** The packs that have parts of a chunk, but for those that were lost. */
  packsOf(source: number, id: string): number[] {
    const before = this.#ahead?.packsOf(source, id) ?? []
    if (before.length > 0) return before
    this.#index ??= new IdIndex((part) => this.#chunkAt(part)?.chunk.id ?? '')
    this.#index.extend(this.#parts)
    const packs = new Set<number>()
    for (const part of this.#index.find(id)) {
      const at = this.#chunkAt(part)!
      if (at.source === source) packs.add(at.pack)
    }
    return [...packs]
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
