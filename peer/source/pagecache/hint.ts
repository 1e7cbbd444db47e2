// What a chunk of a page cache says of one file: how large it was, and which ranges of it were in memory.

import type { Put } from '../chunk-sink.ts'

export interface Residency {
  /** The file's bytes. */
  readonly size: number
  /** Start and length in bytes, in ascending order. */
  readonly ranges: readonly (readonly [number, number])[]
}

/** Bytes of the file that were in memory. */
export function residentBytes({ ranges }: Residency): number {
  return ranges.reduce((sum, [, length]) => sum + length, 0)
}

/** What came over the wire; a refusal for what can't be. */
export function parseResidency(text: string): Residency | Extract<Put, object> {
  const refused = { refused: 'not a description of what is in memory' }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return refused
  }
  const { size, ranges } = (value ?? {}) as Readonly<Record<string, unknown>>
  if (!isCount(size) || !Array.isArray(ranges) || !ranges.every(isRange)) return refused
  return { size, ranges }
}

function isRange(range: unknown): range is readonly [number, number] {
  return Array.isArray(range) && range.length === 2 && isCount(range[0]) && isCount(range[1])
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
