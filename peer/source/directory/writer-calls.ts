// What the sink and the writer's thread say to each other. Fragments cross as columns, and their bytes in one buffer, which comes back with
// the answer to be used again: memory that is already there is several times faster to fill than fresh memory.

import type { RelativePath } from './entry.ts'
import { noTarget, typeByNumber, typeNumbers } from './entry.ts'
import { pathFromText, pathText } from './path.ts'
import type { RecallItem, WriteItem, WriteOutcome } from './writer.ts'

export interface WriterData {
  readonly root: string
  readonly staging: string
}

export type WriterRequest =
  | { readonly kind: 'restore'; readonly items: ItemColumns; readonly buffer: ArrayBuffer }
  | { readonly kind: 'recall'; readonly items: ItemColumns }
  | { readonly kind: 'finish' }
  | { readonly kind: 'close' }

export interface RestoreAnswer {
  readonly outcome: WriteOutcome
  readonly buffer: ArrayBuffer
}

export interface ItemColumns {
  readonly ids: readonly string[]
  readonly paths: readonly string[]
  readonly versions: readonly string[]
  /** For each item: type, mode, mtimeS, mtimeNs, size, its chunk's offset; offset in the chunk, chunkBytes, length. */
  readonly numbers: Float64Array
  readonly targets: ReadonlyMap<number, Uint8Array>
}

const width = 9

export function itemColumns(items: readonly RecallItem[]): ItemColumns {
  const numbers = new Float64Array(width * items.length)
  const targets = new Map<number, Uint8Array>()
  items.forEach(({ head, offset, chunkBytes, length }, index) => {
    numbers.set(
      [typeNumbers[head.type], head.mode, head.mtimeS, head.mtimeNs, head.size, head.offset, offset, chunkBytes, length],
      width * index,
    )
    // A copy: a view would take everything else of its buffer with it.
    if (head.target.byteLength > 0) targets.set(index, head.target.slice())
  })
  const paths = items.map(({ path }) => pathText(path))
  return { ids: items.map(({ id }) => id), paths, versions: items.map(({ version }) => version), numbers, targets }
}

export function recallItems({ ids, paths, versions, numbers, targets }: ItemColumns): RecallItem[] {
  return ids.map((id, index) => {
    const row = numbers.subarray(width * index, width * (index + 1))
    const [type, mode, mtimeS, mtimeNs, size, chunkAt, offset, chunkBytes, length] = row as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    const head = { type: typeByNumber[type]!, mode, mtimeS, mtimeNs, size, offset: chunkAt, target: targets.get(index) ?? noTarget }
    const path: RelativePath = pathFromText(paths[index]!)
    return { id, path, head, version: versions[index]!, offset, chunkBytes, length }
  })
}

/** The items with their bytes, which lie one after the other in the buffer. */
export function writeItems(columns: ItemColumns, buffer: ArrayBuffer): WriteItem[] {
  let at = 0
  return recallItems(columns).map((item) => {
    const bytes = new Uint8Array(buffer, at, item.length)
    at += item.length
    return { ...item, bytes }
  })
}
