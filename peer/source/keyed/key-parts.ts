// Which part of a divided state each key is in. A million keys take a second to hash: they are hashed as the census gets to know them, so that nothing of
// it is left for the notice.

import { hashTag } from '../../../src/plan/redis-slot.ts'
import type { InventoryQuery } from '../source.ts'
import type { KeyTable } from './key-table.ts'

/** Of a state that is going to be divided. */
export interface KeyDivision {
  readonly parts: readonly string[]
  readonly partOf: NonNullable<InventoryQuery['partOf']>
}

/** Learns the parts of these keys. They must not change any more. */
export function learnParts(table: KeyTable, rows: Iterable<number>, { parts, partOf }: KeyDivision): void {
  for (const row of rows)
    if (table.parts[row] === 0) table.parts[row] = 1 + parts.indexOf(partOf(table.name(row), hashTag(table.name(row))))
}

/** The rows of each part that has any, in their order; what was learned is taken for right. */
export function rowsByPart(table: KeyTable, rows: Uint32Array, { parts, partOf }: KeyDivision): Map<string, Uint32Array> {
  const partsOf = new Uint8Array(rows.length)
  const counts = new Uint32Array(parts.length)
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!
    const known = table.parts[row]!
    const part = known > 0 ? known - 1 : parts.indexOf(partOf(table.name(row), hashTag(table.name(row))))
    partsOf[index] = part
    counts[part]!++
  }
  const divided = Array.from(counts, (count) => new Uint32Array(count))
  const filled = new Uint32Array(parts.length)
  for (let index = 0; index < rows.length; index++) {
    const part = partsOf[index]!
    divided[part]![filled[part]!++] = rows[index]!
  }
  return new Map(parts.flatMap((part, index) => (counts[index]! > 0 ? [[part, divided[index]!] as const] : [])))
}
