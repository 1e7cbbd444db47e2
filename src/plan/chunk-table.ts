// The chunks of one source's inventory in columns: some 40 bytes each beside the texts that the source made, where an object of its own has two
// hundred. Rows are numbered in the order in which the source lists them, and are never removed.

import type { Chunk } from '../chunk/chunk.ts'
import { assert } from '../errors.ts'
import { IdIndex } from './id-index.ts'
import type { TakenChunk } from './line.ts'
import { TextColumn } from './text-column.ts'

/** Assumed for chunks that don't say: one page. */
const unknownBytes = 4096
const firstRows = 256

const flag = { metadata: 1, dirty: 2, taken: 4 } as const
const flagsEnd = 8

/**
 * What a row's record consists of: numbers side by side, half a line of the processor's cache, so that a row that is anywhere in memory is fetched
 * from there once. The last one is the place of the id, times flagsEnd, and the flags.
 */
const width = 4
const field = { bytes: 0, probability: 1, value: 2, placeAndFlags: 3 } as const

/** Hints that most inventories don't give take room only in those that do. */
interface Hints {
  priority?: Float64Array
  expiresAtMs?: Float64Array
  version?: string[]
  origin?: string[]
  group?: string[]
}

/** What a chunk counts for within its source: its read probability, or 1. */
export function chunkWeight({ readProbability }: Chunk): number {
  return readProbability !== undefined && readProbability >= 0 && Number.isFinite(readProbability) ? readProbability : 1
}

export function expectedBytes({ bytes }: Chunk): number {
  return bytes !== undefined && bytes >= 0 ? bytes : unknownBytes
}

/** What a chunk is worth for each byte of it, in its source's own unit. */
export function valuePerByte(chunk: Chunk): number {
  return chunkWeight(chunk) / Math.max(1, expectedBytes(chunk))
}

export class ChunkTable {
  readonly #ids = new TextColumn()
  /** Of bytes and probability NaN: the source didn't say. */
  #records = new Float64Array(width * firstRows)
  /** Value per byte, rounded to what an order needs: those of all rows side by side, for sorting. */
  #values = new Float32Array(firstRows)
  readonly #hints: Hints = {}
  /** Made when somebody asks for a chunk by its id: most handoffs are never asked. */
  #index: IdIndex | undefined
  #rows = 0

  /** `value` is what it counts for in an order by value per byte: its own, or that of the group it is of. */
  add(chunk: Chunk, value = valuePerByte(chunk)): number {
    const row = this.#rows++
    if (row === this.#values.length) this.#grow()
    const at = width * row
    const flags = (chunk.kind === 'metadata' ? flag.metadata : 0) | (chunk.dirty === true ? flag.dirty : 0)
    this.#records[at + field.bytes] = chunk.bytes ?? NaN
    this.#records[at + field.probability] = chunk.readProbability ?? NaN
    this.#records[at + field.value] = Math.fround(value)
    this.#records[at + field.placeAndFlags] = this.#ids.push(chunk.id) * flagsEnd + flags
    this.#values[row] = value
    const { priority, expiresAtMs, version, origin, group } = chunk
    if (priority !== undefined) this.#hint('priority')[row] = priority
    if (expiresAtMs !== undefined) this.#hint('expiresAtMs')[row] = expiresAtMs
    if (version !== undefined) (this.#hints.version ??= [])[row] = version
    if (origin !== undefined) (this.#hints.origin ??= [])[row] = origin
    if (group !== undefined) (this.#hints.group ??= [])[row] = group
    return row
  }

  /** The chunk as it was added. */
  chunk(row: number, valuePerByte = this.value(row)): TakenChunk {
    const at = width * row
    const id = this.#idOf(row)
    const bytes = this.#records[at + field.bytes]!
    const readProbability = this.#records[at + field.probability]!
    const flags = this.#flagsOf(row)
    const kind = (flags & flag.metadata) === 0 ? 'data' : 'metadata'
    const isSaid = !Number.isNaN(bytes) && !Number.isNaN(readProbability)
    const hints = this.#hintsOf(row)
    if (hints === undefined && isSaid && (flags & flag.dirty) === 0) return { id, kind, bytes, readProbability, valuePerByte }
    return {
      id,
      kind,
      ...(!Number.isNaN(bytes) && { bytes }),
      ...(!Number.isNaN(readProbability) && { readProbability }),
      ...((flags & flag.dirty) !== 0 && { dirty: true }),
      ...hints,
      valuePerByte,
    }
  }

  expectedBytes(row: number): number {
    const bytes = this.#records[width * row + field.bytes]!
    return bytes >= 0 ? bytes : unknownBytes
  }

  weight(row: number): number {
    const weight = this.#records[width * row + field.probability]!
    return weight >= 0 && Number.isFinite(weight) ? weight : 1
  }

  /**
   * Reads of these rows what taking them will need. Rows in another order than they were listed are anywhere in memory, and one after the other each would be
   * waited for; here the processor waits for many at once.
   */
  fetch(rows: Uint32Array, from: number, to: number): void {
    const records = this.#records
    let last = 0
    for (let at = from; at < to; at++) last += records[width * rows[at]! + field.placeAndFlags]!
    for (let at = from; at < to; at++) last += this.#ids.touch(this.#placeOf(rows[at]!))
    // The compiler may leave out what isn't used.
    assert(last >= 0, 'a place is negative')
  }

  /** What it counts for in an order by value per byte. */
  value(row: number): number {
    return this.#records[width * row + field.value]!
  }

  /** By row; changes its identity when the table grows. */
  get values(): Float32Array {
    return this.#values
  }

  /** By row, NaN where there is none; undefined when no chunk has one. */
  get priorities(): Float64Array | undefined {
    return this.#hints.priority
  }

  take(row: number): void {
    if (!this.isTaken(row)) this.#records[width * row + field.placeAndFlags]! += flag.taken
  }

  isTaken(row: number): boolean {
    return (this.#flagsOf(row) & flag.taken) !== 0
  }

  /** The row of a chunk, or undefined. */
  find(id: string): number | undefined {
    this.#index ??= new IdIndex((row) => this.#idOf(row))
    this.#index.extend(this.#rows)
    return this.#index.find(id).next().value ?? undefined
  }

  *takenRows(): Generator<number> {
    for (let row = 0; row < this.#rows; row++) if (this.isTaken(row)) yield row
  }

  #placeOf(row: number): number {
    return Math.floor(this.#records[width * row + field.placeAndFlags]! / flagsEnd)
  }

  #flagsOf(row: number): number {
    return this.#records[width * row + field.placeAndFlags]! - flagsEnd * this.#placeOf(row)
  }

  #idOf(row: number): string {
    return this.#ids.get(this.#placeOf(row))
  }

  #hint(name: 'priority' | 'expiresAtMs'): Float64Array {
    return (this.#hints[name] ??= new Float64Array(this.#values.length).fill(NaN))
  }

  #hintsOf(row: number): Partial<Chunk> | undefined {
    const { priority, expiresAtMs, version, origin, group } = this.#hints
    if ((priority ?? expiresAtMs ?? version ?? origin ?? group) === undefined) return undefined
    const has = (column: Float64Array | undefined) => column !== undefined && !Number.isNaN(column[row])
    return {
      ...(has(priority) && { priority: priority![row]! }),
      ...(has(expiresAtMs) && { expiresAtMs: expiresAtMs![row]! }),
      ...(version?.[row] !== undefined && { version: version[row] }),
      ...(origin?.[row] !== undefined && { origin: origin[row] }),
      ...(group?.[row] !== undefined && { group: group[row] }),
    }
  }

  #grow(): void {
    const room = 2 * this.#values.length
    const larger = (column: Float64Array) => {
      const copy = new Float64Array(room).fill(NaN, column.length)
      copy.set(column)
      return copy
    }
    const records = new Float64Array(width * room)
    records.set(this.#records)
    this.#records = records
    const values = new Float32Array(room)
    values.set(this.#values)
    this.#values = values
    const { priority, expiresAtMs } = this.#hints
    if (priority !== undefined) this.#hints.priority = larger(priority)
    if (expiresAtMs !== undefined) this.#hints.expiresAtMs = larger(expiresAtMs)
  }
}
