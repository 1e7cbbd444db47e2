// The plan: what of every source goes next. Pure: no I/O, no clock but what it is told.
//
// Metadata goes before all else, then dirty chunks (their only copy is here), then data: in the application's own order where it gives one, else by
// expected value per byte, which is read probability × cost of doing without ÷ bytes. Between sources the better head goes first.
// The plan may grow while it is carried out: sources are read side by side, and none waits for the slowest. What lanes there are and how fast they
// are doesn't change the order, only how far it gets: they take from the head as they drain.

import type { Chunk, LeftOutReason } from '../chunk/chunk.ts'
import { isReferable, type Reference } from '../chunk/reference.ts'
import { receiptReferencesMax } from '../limits/plan.ts'
import type { Capacity } from './bound.ts'
import { chunkWeight, expectedBytes, valuePerByte } from './chunk-table.ts'
import type { TakenChunk } from './line.ts'
import type { Order } from './manifest.ts'
import { outlook, type ByteShare, type Outlook } from './outlook.ts'
import { PlanQueue, rankOf, ranks } from './plan-queue.ts'
import { ReferenceQueue } from './reference-queue.ts'

/** By which criteria a source goes, from the manifest. */
export interface Criteria {
  /** `forecast`: by value per byte. Any other, or none: as the source lists its chunks. */
  readonly order?: Order | undefined
  /** The cost of doing without its state, against that of other sources. */
  readonly weight?: number | undefined
  readonly share?: Partial<ByteShare> | undefined
}

export interface PlannedSource {
  readonly index: number
  readonly name: string
  readonly kind: string
  readonly weight: number
}

export interface SourceTotals {
  readonly chunks: number
  readonly bytes: number
  /** Sum of the chunks' weights, in the source's own unit. */
  readonly weight: number
  /** The inventory has ended. */
  readonly settled: boolean
}

export interface LeftOutRow {
  chunks: number
  bytes: number
  weight: number
  readonly detail: string | undefined
}

/** What the successor gets without us, and where: for the receipt. */
export interface Referred {
  readonly id: string
  readonly origin: string
}

interface Planned {
  readonly source: PlannedSource
  readonly share: ByteShare
  queue: PlanQueue
  readonly leftOut: Map<LeftOutReason, LeftOutRow>
  /** The first receiptReferencesMax of them. */
  referred: Referred[]
  readonly references: ReferenceQueue
  /** Bytes of clean data that went into packs. */
  sentBytes: number
}

/** What went ahead of the handoff, and needn't go again. */
export interface SentAhead {
  /** `kept`: it is there already and still holds; `skip`: it isn't to go now. */
  judge(index: number, kind: string, chunk: Chunk): 'kept' | 'skip' | 'goes'
}

export class Plan {
  readonly #planned: Planned[] = []
  readonly #ahead: SentAhead | undefined
  #sentBytes = 0

  constructor(ahead?: SentAhead) {
    this.#ahead = ahead
  }

  addSource(name: string, kind: string, { order, weight = 1, share }: Criteria = {}): PlannedSource {
    const source = { index: this.#planned.length, name, kind, weight }
    const byValue = order === 'forecast'
    const references = new ReferenceQueue(source.index, byValue)
    const ofShare = { least: share?.least ?? 0, most: share?.most ?? 1 }
    const queue = new PlanQueue(byValue)
    this.#planned.push({ source, share: ofShare, queue, leftOut: new Map(), referred: [], references, sentBytes: 0 })
    return source
  }

  sources(): PlannedSource[] {
    return this.#planned.map(({ source }) => source)
  }

  /** Adds chunks, in the order in which the source lists them. */
  add(index: number, listed: readonly Chunk[]): void {
    const planned = this.#planned[index]!
    const { references, referred } = planned
    const chunks = this.#ahead === undefined ? listed : this.#going(this.#ahead, planned, listed)
    for (const chunk of planned.queue.add(chunks, (each) => each.origin !== undefined && isReferable(each) && !references.isFull)) {
      this.leaveOut(index, chunk, 'origin')
      references.add(chunk)
      if (referred.length < receiptReferencesMax) referred.push({ id: chunk.id, origin: chunk.origin! })
    }
  }

  #going(ahead: SentAhead, { source, queue }: Planned, chunks: readonly Chunk[]): Chunk[] {
    return chunks.filter((chunk) => {
      const verdict = ahead.judge(source.index, source.kind, chunk)
      if (verdict === 'kept') queue.count(chunk)
      return verdict === 'goes'
    })
  }

  /** The source's inventory has ended: nothing more will be added. */
  settle(index: number): void {
    this.#queue(index).settled = true
  }

  /**
   * The source is asked once more: what it lists now stands in place of what isn't taken when the list has ended. Until then the old list
   * holds, also when the new one never ends.
   */
  again(index: number): { add(chunks: readonly Chunk[]): void; settle(): void } {
    const planned = this.#planned[index]!
    const listed: (readonly Chunk[])[] = []
    return {
      add: (chunks) => void listed.push(chunks),
      settle: () => {
        planned.queue = planned.queue.successor()
        planned.leftOut.delete('origin')
        planned.referred = []
        planned.references.clear()
        for (const chunks of listed) this.add(index, chunks)
        this.settle(index)
      },
    }
  }

  totals(index: number): SourceTotals {
    const { chunks, bytes, weight, settled } = this.#queue(index)
    return { chunks, bytes, weight, settled }
  }

  /** Bytes that are to go or have gone: without what is left out. */
  goingBytes(index: number): number {
    const leftOut = this.#planned[index]!.leftOut.values().reduce((sum, row) => sum + row.bytes, 0)
    return Math.max(0, this.#queue(index).bytes - leftOut)
  }

  /** Chunks that were taken and didn't go, or were lost again: they go where their value puts them, or in front in their old order. */
  giveBack(index: number, chunks: readonly TakenChunk[]): void {
    this.#queue(index).giveBack(chunks)
  }

  /** What its next data is worth for each byte; undefined where it doesn't go by that, or something else goes before. */
  nextValue(index: number): number | undefined {
    return this.#queue(index).nextValue
  }

  /** Whether nothing of the source is left to take. It may still grow while it isn't settled. */
  isEmpty(index: number): boolean {
    return this.#queue(index).isEmpty
  }

  /** Takes one chunk out of its turn, because somebody demands it. Undefined when the source hasn't listed it; one that has expired is left out. */
  takeOut(index: number, id: string, nowMs: number): TakenChunk | 'taken' | 'expired' | undefined {
    const chunk = this.#queue(index).takeOut(id)
    if (chunk === 'unknown') return undefined
    if (chunk === 'taken' || chunk.expiresAtMs === undefined || chunk.expiresAtMs > nowMs) return chunk
    this.leaveOut(index, chunk, 'expired')
    return 'expired'
  }

  /**
   * Takes the source's next chunks: of one rank, at least one and otherwise up to `bytesMax`. Chunks that have expired by `nowMs` are left
   * out on the way.
   */
  take(index: number, bytesMax: number, nowMs: number): TakenChunk[] {
    return this.#queue(index).take(bytesMax, (chunk) => {
      const isExpired = chunk.expiresAtMs !== undefined && chunk.expiresAtMs <= nowMs
      if (isExpired) this.leaveOut(index, chunk, 'expired')
      return !isExpired
    })
  }

  /** So many bytes of a taken chunk went into a pack. */
  sent(index: number, chunk: Chunk, bytes: number): void {
    if (rankOf(chunk) !== 'data') return
    this.#planned[index]!.sentBytes += bytes
    this.#sentBytes += bytes
  }

  /** The order between two chunks of any sources: negative when `a` goes first. */
  compare(indexA: number, a: TakenChunk, indexB: number, b: TakenChunk): number {
    const rankA = rankOf(a)
    const rankB = rankOf(b)
    if (rankA !== rankB) return ranks.indexOf(rankA) - ranks.indexOf(rankB)
    const byShare = rankA === 'data' ? this.#turn(indexA) - this.#turn(indexB) : 0
    return byShare || this.#value(indexB, b) - this.#value(indexA, a) || indexA - indexB
  }

  leaveOut(index: number, chunk: Chunk, reason: LeftOutReason, detail?: string): void {
    const planned = this.#planned[index]!
    const row = planned.leftOut.get(reason) ?? { chunks: 0, bytes: 0, weight: 0, detail }
    row.chunks++
    row.bytes += expectedBytes(chunk)
    row.weight += chunkWeight(chunk)
    planned.leftOut.set(reason, row)
  }

  leftOut(index: number): ReadonlyMap<LeftOutReason, LeftOutRow> {
    return this.#planned[index]!.leftOut
  }

  referred(index: number): readonly Referred[] {
    return this.#planned[index]!.referred
  }

  /** What of the source goes by reference and no pack has taken along yet. */
  hasReferences(index: number): boolean {
    return !this.#planned[index]!.references.isEmpty
  }

  takeReferences(index: number, countMax: number, bytesMax: number): Reference[] {
    return this.#planned[index]!.references.take(countMax, bytesMax)
  }

  giveReferencesBack(references: readonly Reference[]): void {
    for (const reference of references) this.#planned[reference.source]!.references.giveBack([reference])
  }

  /**
   * The hit mass that no plan of what is known now could exceed through these channels: of 1, every source by its weight. Good to a thousandth,
   * since chunks of like value are counted together.
   */
  bound(capacities: readonly Capacity[]): number {
    return this.outlook(capacities).all
  }

  /** The same of each source, of 1 as well, and of each channel: its part of the whole. A source without anything has nothing to lose. */
  outlook(capacities: readonly Capacity[]): Outlook {
    const all = this.#planned.reduce((sum, { source }) => sum + source.weight, 0)
    const counted = this.#planned.filter(({ source, queue }) => source.weight > 0 && queue.weight > 0)
    const idle = this.#planned.reduce((sum, { source, queue }) => sum + (queue.weight > 0 ? 0 : source.weight), 0)
    if (all === 0) return { all: 1, bySource: this.#planned.map(() => 1), byChannel: capacities.map(() => 0) }
    const found = outlook(
      counted.map(({ source, queue, share, leftOut }) => {
        const scale = source.weight / all / queue.weight
        const lost = [...leftOut.values()].reduce((sum, row) => sum + row.weight, 0)
        return { ...queue.profile(scale), share, valueMax: scale * Math.max(0, queue.weight - lost) }
      }),
      capacities,
    )
    const bySource = this.#planned.map((planned) => {
      const at = counted.indexOf(planned)
      return at < 0 ? 1 : Math.min(1, (found.bySource[at]! * all) / planned.source.weight)
    })
    return { all: idle / all + found.all, bySource, byChannel: found.byChannel }
  }

  /** 0: its least share isn't reached; 2: its largest is. */
  #turn(index: number): 0 | 1 | 2 {
    const { share, sentBytes } = this.#planned[index]!
    if (sentBytes < share.least * this.#sentBytes) return 0
    return sentBytes > share.most * this.#sentBytes ? 2 : 1
  }

  #value(index: number, chunk: TakenChunk): number {
    const { source, queue } = this.#planned[index]!
    return queue.weight > 0 ? ((chunk.valuePerByte ?? valuePerByte(chunk)) * source.weight) / queue.weight : 0
  }

  #queue(index: number): PlanQueue {
    return this.#planned[index]!.queue
  }
}
