// Chunks of one source and one rank, in the order in which they go.

import type { Chunk } from '../chunk/chunk.ts'

/** A chunk that was taken from a plan, with what it counted for when it was: see ListedLine. */
export interface TakenChunk extends Chunk {
  readonly valuePerByte?: number
}

/** Rows of a ChunkTable that wait to be taken. */
export interface Line {
  push(row: number): void
  readonly isEmpty: boolean
  /** The row that goes next. */
  peek(): number | undefined
  /** Takes what peek answered. */
  shift(): void
  /** What going on at this row, the one that peek answered, is worth for each byte. */
  value(row: number): number
}
