// What the source and the reader's thread say to each other. Entries and results cross as columns of numbers and strings and as transferred
// buffers: for small files, cloning an object each would cost more than reading them.

import type { Transferable } from 'node:worker_threads'
import type { Order } from '../../../src/plan/manifest.ts'
import type { CutRequest } from './content-cuts.ts'
import { noTarget, typeByNumber, typeNumbers, type Entry, type EntryHead } from './entry.ts'
import { pathFromText, pathText } from './path.ts'
import type { BatchMemory, NotRead, ReadContent, ReadItem } from './reader.ts'

/** A listing is opened, asked for batches until there is none, and closed. */
export type ReaderRequest =
  | { readonly kind: 'open'; readonly order: Order; readonly nowMs: number }
  | { readonly kind: 'next'; readonly listing: number }
  | { readonly kind: 'close'; readonly listing: number }
  | ReadRequest
  | CutRequest

export interface ReadRequest {
  readonly kind: 'read'
  readonly ids: readonly string[]
  readonly versions: readonly string[]
  readonly bytes: Float64Array
}

export interface ReaderData {
  readonly root: string
  readonly include: readonly string[] | undefined
  readonly exclude: readonly string[] | undefined
}

export interface Skipped {
  readonly path: string
  readonly why: string
}

/** Undefined at the end of the listing. */
export interface ListAnswer {
  readonly batch: EntryColumns | undefined
  readonly skipped: readonly Skipped[]
}

interface EntryColumns {
  readonly paths: readonly string[]
  readonly versions: readonly string[]
  /** For each entry: type, size, mtimeMs. */
  readonly numbers: Float64Array
}

export function entryColumns(entries: readonly Entry[]): EntryColumns {
  const numbers = new Float64Array(3 * entries.length)
  entries.forEach(({ type, size, mtimeMs }, index) => numbers.set([typeNumbers[type], size, mtimeMs], 3 * index))
  return { paths: entries.map(({ path }) => pathText(path)), versions: entries.map(({ version }) => version ?? ''), numbers }
}

export function entriesFrom({ paths, versions, numbers }: EntryColumns): Entry[] {
  return paths.map((path, index) => {
    const [type, size, mtimeMs] = numbers.subarray(3 * index, 3 * index + 3) as unknown as [number, number, number]
    const entry = { path: pathFromText(path), type: typeByNumber[type]!, size, mtimeMs }
    return versions[index] === '' ? entry : { ...entry, version: versions[index]! }
  })
}

export function readItems({ ids, versions, bytes }: ReadRequest): ReadItem[] {
  return ids.map((id, index) => ({ id, version: versions[index]!, bytes: bytes[index]! }))
}

export interface ReadAnswer {
  readonly buffers: readonly ArrayBuffer[]
  readonly versions: readonly string[]
  /** For each item: buffer, at, length, type, mode, mtimeS, mtimeNs, size, offset. */
  readonly numbers: Float64Array
  /** By the item's index, of those that were not read. */
  readonly leftOut: ReadonlyMap<number, NotRead>
  readonly targets: ReadonlyMap<number, Uint8Array>
}

const width = 9

export function readAnswer(
  results: readonly (ReadContent | NotRead)[],
  { buffers }: BatchMemory,
): { answer: ReadAnswer; transfer: Transferable[] } {
  const numbers = new Float64Array(width * results.length)
  const versions: string[] = []
  const leftOut = new Map<number, NotRead>()
  const targets = new Map<number, Uint8Array>()
  results.forEach((result, index) => {
    versions.push('leftOut' in result ? '' : result.version)
    if ('leftOut' in result) return void leftOut.set(index, result)
    const { bytes, head } = result
    const buffer = buffers.indexOf(bytes.buffer as ArrayBuffer)
    numbers.set(
      [buffer, bytes.byteOffset, bytes.byteLength, typeNumbers[head.type], head.mode, head.mtimeS, head.mtimeNs, head.size, head.offset],
      width * index,
    )
    if (head.target.byteLength > 0) targets.set(index, head.target)
  })
  return { answer: { buffers, versions, numbers, leftOut, targets }, transfer: [...buffers] }
}

/** The result of one item of an answer. */
export function resultAt({ buffers, versions, numbers, leftOut, targets }: ReadAnswer, index: number): ReadContent | NotRead {
  const notRead = leftOut.get(index)
  if (notRead !== undefined) return notRead
  const row = numbers.subarray(width * index, width * (index + 1))
  const [buffer, at, length, type, mode, mtimeS, mtimeNs, size, offset] = row as unknown as [
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
  const head: EntryHead = { type: typeByNumber[type]!, mode, mtimeS, mtimeNs, size, offset, target: targets.get(index) ?? noTarget }
  return { bytes: length === 0 ? noTarget : new Uint8Array(buffers[buffer]!, at, length), head, version: versions[index]! }
}
