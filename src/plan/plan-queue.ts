// What one source has listed, by rank: metadata in its own order, since it may build on itself, and the rest by the source's criterion.

import type { Chunk } from '../chunk/chunk.ts'
import type { Segment } from './bound.ts'
import { chunkWeight, ChunkTable, expectedBytes } from './chunk-table.ts'
import type { Line, TakenChunk } from './line.ts'
import { ListedLine } from './listed-line.ts'
import type { OutlookSource } from './outlook.ts'
import { ValuedLine } from './valued-line.ts'
import { ValueProfile } from './value-profile.ts'

export const ranks = ['metadata', 'dirty', 'data'] as const
type Rank = (typeof ranks)[number]

export function rankOf({ kind, dirty }: Chunk): Rank {
  return kind === 'metadata' ? 'metadata' : dirty === true ? 'dirty' : 'data'
}

interface Ranked {
  readonly line: Line
  /** Chunks that were given back. */
  back: TakenChunk[]
  bytes: number
  weight: number
}

export class PlanQueue {
  readonly #byValue: boolean
  readonly #table = new ChunkTable()
  readonly #ranked: Readonly<Record<Rank, Ranked>>
  /** Of clean data that goes by value. */
  readonly #profile = new ValueProfile()
  /** What was taken before the source was asked again. */
  readonly #takenIds = new Set<string>()
  chunks = 0
  bytes = 0
  weight = 0
  settled = false

  constructor(byValue: boolean) {
    this.#byValue = byValue
    const ranked = (line: Line): Ranked => ({ line, back: [], bytes: 0, weight: 0 })
    const line = () => (byValue ? new ValuedLine(this.#table) : new ListedLine(this.#table))
    this.#ranked = { metadata: ranked(new ListedLine(this.#table)), dirty: ranked(line()), data: ranked(line()) }
  }

  /** Adds what is to be sent; answers the chunks that the successor gets elsewhere, which are those that `isElsewhere` says. */
  add(chunks: readonly Chunk[], isElsewhere: (chunk: Chunk) => boolean): Chunk[] {
    const elsewhere: Chunk[] = []
    let value: number | undefined
    for (let at = 0; at < chunks.length; at++) {
      const chunk = chunks[at]!
      if (chunk.group === undefined) value = undefined
      else if (at === 0 || chunk.group !== chunks[at - 1]!.group) value = valueOfGroup(chunks, at)
      if (this.#takenIds.has(chunk.id)) continue
      if (!isElsewhere(chunk)) this.#ranked[rankOf(chunk)].line.push(this.#list(chunk, value))
      else {
        this.count(chunk)
        elsewhere.push(chunk)
      }
    }
    return elsewhere
  }

  get isEmpty(): boolean {
    return ranks.every((rank) => this.#ranked[rank].back.length === 0 && this.#ranked[rank].line.isEmpty)
  }

  take(bytesMax: number, isWanted: (chunk: Chunk) => boolean): TakenChunk[] {
    for (const rank of ranks) {
      const taken = this.#takeFrom(this.#ranked[rank], bytesMax, isWanted)
      if (taken.length > 0) return taken
    }
    return []
  }

  /** Takes one chunk out of its turn. `taken` when it went before, `unknown` when it isn't listed, or not yet. */
  takeOut(id: string): TakenChunk | 'taken' | 'unknown' {
    for (const rank of ranks) {
      const { back } = this.#ranked[rank]
      const at = back.findIndex((chunk) => chunk.id === id)
      if (at >= 0) return back.splice(at, 1)[0]!
    }
    const row = this.#table.find(id)
    if (row === undefined) return this.#takenIds.has(id) ? 'taken' : 'unknown'
    if (this.#table.isTaken(row)) return 'taken'
    this.#table.take(row)
    // What stands at the head of a line is never taken already: so a line that has rows has something to take.
    for (const rank of ranks) this.#passTaken(this.#ranked[rank].line)
    return this.#table.chunk(row)
  }

  giveBack(chunks: readonly TakenChunk[]): void {
    for (const rank of ranks) {
      const again = chunks.filter((chunk) => rankOf(chunk) === rank)
      const back = [...again, ...this.#ranked[rank].back]
      this.#ranked[rank].back = this.#ranked[rank].line instanceof ValuedLine ? back.sort((a, b) => valueBack(b) - valueBack(a)) : back
    }
  }

  /** What the next of its data is worth for each byte, where it goes by that; undefined when there is none, or something goes before it. */
  get nextValue(): number | undefined {
    const { metadata, dirty, data } = this.#ranked
    const isNext = [metadata, dirty].every(({ back, line }) => back.length === 0 && line.isEmpty)
    if (!isNext || !(data.line instanceof ValuedLine)) return undefined
    this.#passTaken(data.line)
    const row = data.line.peek()
    return row === undefined ? undefined : data.line.value(row)
  }

  /** A queue that stands in this one's place: it counts what was taken, and won't take it again unless it is given back. */
  successor(): PlanQueue {
    const next = new PlanQueue(this.#byValue)
    for (const row of this.#table.takenRows()) next.#recall(this.#table.chunk(row, 0))
    for (const rank of ranks) next.#ranked[rank].back = this.#ranked[rank].back
    return next
  }

  /** How its value lies over its bytes, in hit mass. */
  profile(scale: number): Pick<OutlookSource, 'metadata' | 'dirty' | 'data'> {
    const { metadata, dirty, data } = this.#ranked
    const whole = ({ bytes, weight }: Ranked): Segment => ({ bytes, value: weight * scale })
    const segments = data.line instanceof ListedLine ? data.line.profile().segments() : this.#profile.segments()
    const scaled = segments.map(({ bytes, value, highest }) => ({
      bytes,
      value: value * scale,
      ...(highest !== undefined && { highest: highest * scale }),
    }))
    return { metadata: whole(metadata), dirty: whole(dirty), data: scaled }
  }

  #recall(chunk: Chunk): void {
    this.#takenIds.add(chunk.id)
    const row = this.#list(chunk)
    this.#table.take(row)
    const { line } = this.#ranked[rankOf(chunk)]
    if (!(line instanceof ListedLine)) return
    line.push(row)
    line.shift()
  }

  #list(chunk: Chunk, value?: number): number {
    this.count(chunk)
    const rank = rankOf(chunk)
    const bytes = expectedBytes(chunk)
    const weight = chunkWeight(chunk)
    this.#ranked[rank].bytes += bytes
    this.#ranked[rank].weight += weight
    if (this.#byValue && rank === 'data') this.#profile.add(bytes, weight)
    return this.#table.add(chunk, value)
  }

  /** Counts a chunk among those that there are; it isn't taken from here. */
  count(chunk: Chunk): void {
    this.chunks++
    this.bytes += expectedBytes(chunk)
    this.weight += chunkWeight(chunk)
  }

  #takeFrom(ranked: Ranked, bytesMax: number, isWanted: (chunk: Chunk) => boolean): TakenChunk[] {
    const taken: TakenChunk[] = []
    let bytes = 0
    for (;;) {
      const row = this.#isBackFirst(ranked) ? undefined : ranked.line.peek()
      const first = row === undefined ? ranked.back[0] : undefined
      if (first === undefined && row === undefined) return taken
      if (row !== undefined && this.#table.isTaken(row)) {
        ranked.line.shift()
        continue
      }
      const size = row === undefined ? expectedBytes(first!) : this.#table.expectedBytes(row)
      if (taken.length > 0 && bytes + size > bytesMax) return taken
      const chunk = row === undefined ? ranked.back.shift()! : this.#shift(ranked.line, row)
      if (!isWanted(chunk)) continue
      taken.push(chunk)
      bytes += size
    }
  }

  /** What was given back goes by its value where the others do, else before them. */
  #isBackFirst({ back, line }: Ranked): boolean {
    if (back.length === 0) return false
    const row = line instanceof ValuedLine ? line.peek() : undefined
    return row === undefined || valueBack(back[0]!) >= line.value(row)
  }

  #passTaken(line: Line): void {
    for (let row = line.peek(); row !== undefined && this.#table.isTaken(row); row = line.peek()) line.shift()
  }

  #shift(line: Line, row: number): TakenChunk {
    const valuePerByte = line.value(row)
    line.shift()
    this.#table.take(row)
    return this.#table.chunk(row, valuePerByte)
  }
}

/** One that was never valued goes first. */
function valueBack({ valuePerByte = Infinity }: TakenChunk): number {
  return valuePerByte
}

/** What the chunks of a group, listed together from `at` on, are worth for each byte: they belong together, so they go together. */
function valueOfGroup(chunks: readonly Chunk[], at: number): number {
  let bytes = 0
  let weight = 0
  for (let index = at; index < chunks.length && chunks[index]!.group === chunks[at]!.group; index++) {
    bytes += expectedBytes(chunks[index]!)
    weight += chunkWeight(chunks[index]!)
  }
  return weight / Math.max(1, bytes)
}
