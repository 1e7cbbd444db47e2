// The plan: what of every source goes next. Pure: no I/O, no clock but what it is told.
//
// Each source keeps its own order, but metadata goes before all else of it and dirty chunks (their only copy is here)
// before clean ones. Between sources the better head goes first: metadata, then dirty, then the read probability per byte.
// The plan may grow while it is carried out: sources are read side by side, and none waits for the slowest.

import type { Chunk, LeftOutReason } from '../chunk/chunk.ts'

const ranks = { metadata: 0, dirty: 1, data: 2 } as const

/** Assumed for chunks that don't say: one page. */
const unknownBytes = 4096

export interface PlannedSource {
  readonly index: number
  readonly name: string
  readonly kind: string
}

export interface SourceTotals {
  readonly chunks: number
  readonly bytes: number
  /** Sum of the chunks' weights, in the source's own unit. */
  readonly weight: number
  /** The inventory has ended. */
  readonly settled: boolean
}

interface Queue {
  readonly source: PlannedSource
  /** By rank; each with its own cursor, so that taking from the front is cheap. */
  readonly ranked: { chunks: Chunk[]; next: number }[]
  readonly leftOut: Map<LeftOutReason, { chunks: number; bytes: number; detail: string | undefined }>
  chunks: number
  bytes: number
  weight: number
  settled: boolean
}

/** What a chunk counts for within its source: its read probability, or 1. */
export function chunkWeight(chunk: Chunk): number {
  const { readProbability } = chunk
  return readProbability !== undefined && readProbability >= 0 && Number.isFinite(readProbability) ? readProbability : 1
}

export function expectedBytes(chunk: Chunk): number {
  return chunk.bytes ?? unknownBytes
}

export class Plan {
  readonly #queues: Queue[] = []

  addSource(name: string, kind: string): PlannedSource {
    const source = { index: this.#queues.length, name, kind }
    const ranked = Object.values(ranks).map(() => ({ chunks: [] as Chunk[], next: 0 }))
    this.#queues.push({ source, ranked, leftOut: new Map(), chunks: 0, bytes: 0, weight: 0, settled: false })
    return source
  }

  sources(): PlannedSource[] {
    return this.#queues.map((queue) => queue.source)
  }

  /** Appends chunks in the source's own order. */
  add(index: number, chunks: readonly Chunk[]): void {
    const queue = this.#queue(index)
    for (const chunk of chunks) {
      queue.ranked[rankOf(chunk)]!.chunks.push(chunk)
      queue.chunks++
      queue.bytes += expectedBytes(chunk)
      queue.weight += chunkWeight(chunk)
    }
  }

  /** The source's inventory has ended: nothing more will be added. */
  settle(index: number): void {
    this.#queue(index).settled = true
  }

  totals(index: number): SourceTotals {
    const { chunks, bytes, weight, settled } = this.#queue(index)
    return { chunks, bytes, weight, settled }
  }

  /** Chunks that were taken and lost again go to the front, in their old order. */
  giveBack(index: number, chunks: readonly Chunk[]): void {
    const queue = this.#queue(index)
    for (const rank of Object.values(ranks)) {
      const again = chunks.filter((chunk) => rankOf(chunk) === rank)
      if (again.length === 0) continue
      const line = queue.ranked[rank]!
      line.chunks = [...again, ...line.chunks.slice(line.next)]
      line.next = 0
    }
  }

  /** Whether nothing of the source is left to take. It may still grow while it isn't settled. */
  isEmpty(index: number): boolean {
    return this.#queue(index).ranked.every((line) => line.next >= line.chunks.length)
  }

  /**
   * Takes the source's next chunks: of one rank, at least one and otherwise up to `bytesMax`. Chunks that have expired by
   * `nowMs` or that the successor gets from their origin are left out on the way.
   */
  take(index: number, bytesMax: number, nowMs: number): Chunk[] {
    const queue = this.#queue(index)
    const taken: Chunk[] = []
    let bytes = 0
    for (const line of queue.ranked) {
      while (line.next < line.chunks.length) {
        const chunk = line.chunks[line.next]!
        const size = expectedBytes(chunk)
        if (taken.length > 0 && bytes + size > bytesMax) return taken
        line.next++
        if (chunk.expiresAtMs !== undefined && chunk.expiresAtMs <= nowMs) this.leaveOut(index, chunk, 'expired')
        else if (chunk.origin !== undefined && chunk.dirty !== true) this.leaveOut(index, chunk, 'origin')
        else {
          taken.push(chunk)
          bytes += size
        }
      }
      if (line.chunks.length > 0) Object.assign(line, { chunks: [], next: 0 })
      if (taken.length > 0) return taken
    }
    return taken
  }

  /** The order between two chunks of any sources: negative when `a` goes first. */
  compare(indexA: number, a: Chunk, indexB: number, b: Chunk): number {
    return rankOf(a) - rankOf(b) || this.#density(indexB, b) - this.#density(indexA, a) || indexA - indexB
  }

  leaveOut(index: number, chunk: Chunk, reason: LeftOutReason, detail?: string): void {
    const row = this.#queue(index).leftOut.get(reason) ?? { chunks: 0, bytes: 0, detail }
    row.chunks++
    row.bytes += expectedBytes(chunk)
    this.#queue(index).leftOut.set(reason, row)
  }

  leftOut(index: number): ReadonlyMap<LeftOutReason, { chunks: number; bytes: number; detail: string | undefined }> {
    return this.#queue(index).leftOut
  }

  #density(index: number, chunk: Chunk): number {
    const { weight } = this.#queue(index)
    return (weight > 0 ? chunkWeight(chunk) / weight : 0) / Math.max(1, expectedBytes(chunk))
  }

  #queue(index: number): Queue {
    return this.#queues[index]!
  }
}

function rankOf(chunk: Chunk): number {
  return chunk.kind === 'metadata' ? ranks.metadata : chunk.dirty === true ? ranks.dirty : ranks.data
}
