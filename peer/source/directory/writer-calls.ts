// What the sink and the writer's thread say to each other. Fragments cross as columns, and their attributes and bytes in one buffer, which comes back
// with the answer to be used again: memory that is already there is several times faster to fill than fresh memory.

import { FieldReader } from '../../../src/wire/field-reader.ts'
import type { RecalledFragment, Refused } from '../source.ts'
import { readAttributes } from './attributes.ts'
import type { WriteItem, WriteOutcome } from './writer.ts'

export interface WriterData {
  readonly root: string
  readonly staging: string
}

export type WriterRequest =
  | { readonly kind: 'restore' | 'recall'; readonly items: ItemColumns; readonly buffer: ArrayBuffer }
  | { readonly kind: 'finish' }
  | { readonly kind: 'close' }

export interface RestoreAnswer {
  readonly outcome: WriteOutcome
  readonly buffer: ArrayBuffer
}

export interface ItemColumns {
  readonly ids: readonly string[]
  readonly versions: readonly string[]
  /** For each item: offset, chunkBytes, length, the length of its attributes. */
  readonly numbers: Float64Array<ArrayBuffer>
}

const width = 4

/** Bytes that the fragments take in the buffer: of each its attributes and, if they have any, its body. */
export function bufferBytes(fragments: readonly GivenFragment[]): number {
  let sum = 0
  for (const { attributes, bytes } of fragments) sum += attributes.byteLength + (bytes?.byteLength ?? 0)
  return sum
}

/** Puts fragments into columns and the buffer. */
export function itemColumns(fragments: readonly GivenFragment[], buffer: ArrayBuffer): ItemColumns {
  const numbers = new Float64Array(width * fragments.length)
  const all = new Uint8Array(buffer)
  let at = 0
  fragments.forEach(({ offset, chunkBytes, length, attributes, bytes }, index) => {
    numbers[width * index] = offset
    numbers[width * index + 1] = chunkBytes
    numbers[width * index + 2] = bytes?.byteLength ?? length ?? 0
    numbers[width * index + 3] = attributes.byteLength
    all.set(attributes, at)
    at += attributes.byteLength
    if (bytes === undefined) return
    all.set(bytes, at)
    at += bytes.byteLength
  })
  return { ids: fragments.map(({ id }) => id), versions: fragments.map(({ version }) => version), numbers }
}

/** What `restore` and `recall` of a sink are given. */
type GivenFragment = Omit<RecalledFragment, 'length'> & { readonly length?: number; readonly bytes?: Uint8Array }

interface CheckedItems {
  readonly items: WriteItem[]
  /** Which fragment each item was. */
  readonly indexes: number[]
  /** Those whose attributes or names can't be. */
  readonly refused: Refused[]
}

/** The fragments that may be restored, with their bytes if those are in the buffer. */
export function itemsFrom(
  { ids, versions, numbers }: ItemColumns,
  buffer: ArrayBuffer,
  { hasBodies }: { hasBodies: boolean },
): CheckedItems {
  const reader = new FieldReader(new Uint8Array(buffer), 'attributes')
  const checked: CheckedItems = { items: [], indexes: [], refused: [] }
  let at = 0
  ids.forEach((id, index) => {
    const length = numbers[width * index + 2]!
    const bodyAt = at + numbers[width * index + 3]!
    const decoded = readAttributes(reader, at, bodyAt)
    const bodyBytes = hasBodies ? length : 0
    at = bodyAt + bodyBytes
    if ('problem' in decoded) return void checked.refused.push({ id, reason: decoded.problem })
    const { path, head } = decoded
    const bytes = new Uint8Array(buffer, bodyAt, bodyBytes)
    const [offset, chunkBytes] = [numbers[width * index]!, numbers[width * index + 1]!]
    checked.items.push({ id, path, head, version: versions[index]!, offset, chunkBytes, length, bytes })
    checked.indexes.push(index)
  })
  return checked
}
