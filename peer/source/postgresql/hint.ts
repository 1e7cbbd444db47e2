// What a chunk of a PostgreSQL source says of one relation: which of its blocks were in the buffers, and in which cluster that was.

import type { Put } from '../chunk-sink.ts'
import type { Cluster } from './cluster.ts'

/** Fork (0 main, 1 free space map, 2 visibility map, 3 init), first block, number of blocks. */
export type BlockRange = readonly [fork: number, first: number, count: number]

export interface RelationHint extends Cluster {
  /** Oids; the file node is the relation's file, which a physical copy has under the same number. */
  readonly database: number
  readonly tablespace: number
  readonly filenode: number
  readonly ranges: readonly BlockRange[]
}

export function hintId({ database, tablespace, filenode }: Pick<RelationHint, 'database' | 'tablespace' | 'filenode'>): string {
  return `${database}/${tablespace}/${filenode}`
}

export function blocksOf({ ranges }: Pick<RelationHint, 'ranges'>): number {
  return ranges.reduce((sum, [, , count]) => sum + count, 0)
}

/** What came over the wire; a refusal for what can't be. */
export function parseHint(text: string): RelationHint | Extract<Put, object> {
  const refused = { refused: 'not a description of blocks' }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return refused
  }
  const { system, timeline, blockBytes, database, tablespace, filenode, ranges } = (value ?? {}) as Readonly<Record<string, unknown>>
  const numbers = [timeline, blockBytes, database, tablespace, filenode]
  if (typeof system !== 'string' || !/^\d{1,20}$/.test(system) || !numbers.every(isNumber)) return refused
  if (!Array.isArray(ranges) || !ranges.every(isRange)) return refused
  const [timelineId, bytes, databaseOid, tablespaceOid, node] = numbers as [number, number, number, number, number]
  return { system, timeline: timelineId, blockBytes: bytes, database: databaseOid, tablespace: tablespaceOid, filenode: node, ranges }
}

function isRange(range: unknown): range is BlockRange {
  return Array.isArray(range) && range.length === 3 && range.every(isNumber) && (range[0] as number) <= 3
}

/** An oid or a block's number. */
function isNumber(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32
}

/** Joins neighbours, the nearest first, until there are no more than `rangesMax`. In ascending order of fork and block. */
export function joinRanges(ranges: readonly BlockRange[], rangesMax: number): readonly BlockRange[] {
  let joined = ranges
  for (let gap = 1; joined.length > rangesMax; gap *= 2) {
    const kept: [number, number, number][] = []
    for (const [fork, first, count] of joined) {
      const last = kept.at(-1)
      if (last !== undefined && last[0] === fork && first - last[1] - last[2] <= gap) last[2] = first + count - last[1]
      else kept.push([fork, first, count])
    }
    joined = kept
  }
  return joined
}
