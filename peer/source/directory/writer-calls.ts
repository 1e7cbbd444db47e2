// What the sink and the writer's thread say to each other. Fragments cross as columns, and their attributes and bytes in one buffer, which comes back
// with the answer to be used again: memory that is already there is several times faster to fill than fresh memory.

import { KiB } from '../../../src/limits/size.ts'
import { FieldReader } from '../../../src/wire/field-reader.ts'
import type { IncomingFragment, RecalledFragment, Refused } from '../source.ts'
import { readAttributes } from './attributes.ts'
import type { WriteItem, WriteOutcome } from './writer.ts'

export interface WriterData {
  readonly root: string
  readonly staging: string
}

export type WriterRequest =
  | {
      readonly kind: 'restore' | 'recall'
      readonly items: ItemColumns
      readonly buffer: ArrayBuffer
      /** It doesn't come back. */
      readonly isGiven: boolean
    }
  | { readonly kind: 'finish' }
  | { readonly kind: 'close' }

export interface RestoreAnswer {
  readonly outcome: WriteOutcome
  readonly buffer: ArrayBuffer | undefined
}

export interface ItemColumns {
  readonly ids: readonly string[]
  readonly versions: readonly string[]
  /** For each item: offset, chunkBytes, length; where its attributes are in the buffer, and their length; where its body is, if it has one. */
  readonly numbers: Float64Array<ArrayBuffer>
}

const width = 6

/** Smaller memory may be shared with others, and is soon copied. */
const givenBytesMin = 64 * KiB

/** Bytes that the fragments take in the buffer: of each its attributes and, if they have any, its body. */
export function bufferBytes(fragments: readonly GivenFragment[]): number {
  let sum = 0
  for (const { attributes, bytes } of fragments) sum += attributes.byteLength + (bytes?.byteLength ?? 0)
  return sum
}

/** The memory that all fragments are views of, if it is worth giving away. */
export function givenBuffer([first]: readonly IncomingFragment[]): ArrayBuffer | undefined {
  const buffer = first?.bytes.buffer
  return buffer instanceof ArrayBuffer && buffer.byteLength >= givenBytesMin ? buffer : undefined
}

/** Fragments as columns, and where they are in the buffer that all are views of. */
export function itemColumns(fragments: readonly IncomingFragment[]): ItemColumns {
  return columnsOf(fragments, ({ attributes, bytes }) => [attributes.byteOffset, bytes.byteOffset])
}

/** Copies fragments into the buffer. */
export function copiedColumns(fragments: readonly GivenFragment[], buffer: ArrayBuffer): ItemColumns {
  const all = new Uint8Array(buffer)
  let end = 0
  const put = (bytes: Uint8Array) => {
    all.set(bytes, end)
    end += bytes.byteLength
    return end - bytes.byteLength
  }
  return columnsOf(fragments, ({ attributes, bytes }) => [put(attributes), bytes === undefined ? 0 : put(bytes)])
}

function columnsOf<Given extends GivenFragment>(
  fragments: readonly Given[],
  placesOf: (given: Given) => readonly [number, number],
): ItemColumns {
  const numbers = new Float64Array(width * fragments.length)
  fragments.forEach((fragment, index) => {
    const { offset, chunkBytes, length, attributes, bytes } = fragment
    const [attributesAt, bodyAt] = placesOf(fragment)
    numbers.set([offset, chunkBytes, bytes?.byteLength ?? length ?? 0, attributesAt, attributes.byteLength, bodyAt], width * index)
  })
  return { ids: fragments.map(({ id }) => id), versions: fragments.map(({ version }) => version), numbers }
}

/** What `restore` and `recall` of a sink are given. */
type GivenFragment = Omit<RecalledFragment, 'length'> & { readonly length?: number; readonly bytes?: Uint8Array }

type Row = readonly [number, number, number, number, number, number]

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
  ids.forEach((id, index) => {
    const [offset, chunkBytes, length, attributesAt, attributesBytes, bodyAt] = numbers.subarray(
      width * index,
      width * (index + 1),
    ) as unknown as Row
    const decoded = readAttributes(reader, attributesAt, attributesAt + attributesBytes)
    if ('problem' in decoded) return void checked.refused.push({ id, reason: decoded.problem })
    const { path, head } = decoded
    const bytes = new Uint8Array(buffer, bodyAt, hasBodies ? length : 0)
    checked.items.push({ id, path, head, version: versions[index]!, offset, chunkBytes, length, bytes })
    checked.indexes.push(index)
  })
  return checked
}
