// What the source and the reader's thread say to each other. Entries and results cross as columns of numbers and strings and as transferred
// buffers: for small files, cloning an object each would cost more than reading them.

import type { Transferable } from 'node:worker_threads'
import type { Chunk, ChunkPart, LeftOut } from '../../../src/chunk/chunk.ts'
import type { Order } from '../../../src/plan/manifest.ts'
import { FieldWriter } from '../../../src/wire/field-writer.ts'
import { writeAttributes } from './attributes.ts'
import type { CutRequest } from './content-cuts.ts'
import { typeByNumber, typeNumbers, type Entry } from './entry.ts'
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
  entries.forEach(({ type, size, mtimeMs }, index) => {
    numbers[3 * index] = typeNumbers[type]
    numbers[3 * index + 1] = size
    numbers[3 * index + 2] = mtimeMs
  })
  return { paths: entries.map(({ path }) => pathText(path)), versions: entries.map(({ version }) => version ?? ''), numbers }
}

export function entriesFrom({ paths, versions, numbers }: EntryColumns): Entry[] {
  return paths.map((path, index) => {
    const type = typeByNumber[numbers[3 * index]!]!
    const entry = { path: pathFromText(path), type, size: numbers[3 * index + 1]!, mtimeMs: numbers[3 * index + 2]! }
    return versions[index] === '' ? entry : { ...entry, version: versions[index]! }
  })
}

export function readItems({ ids, versions, bytes }: ReadRequest): ReadItem[] {
  return ids.map((id, index) => ({ id, version: versions[index]!, bytes: bytes[index]! }))
}

export interface ReadAnswer {
  readonly buffers: readonly ArrayBuffer[]
  /** Of all items, one after the other, as they go over the wire. */
  readonly attributes: Uint8Array<ArrayBuffer>
  /** For each item: buffer, at, length; where its attributes are, their length. */
  readonly numbers: Float64Array<ArrayBuffer>
  /** By the item's index, of those that have one. */
  readonly versions: ReadonlyMap<number, string>
  /** By the item's index, of those that were not read. */
  readonly leftOut: ReadonlyMap<number, NotRead>
}

const width = 5
/** A small file's attributes take about so much. */
const attributesBytes = 64

export function readAnswer(
  results: readonly (ReadContent | NotRead)[],
  { buffers }: BatchMemory,
): { answer: ReadAnswer; transfer: Transferable[] } {
  const numbers = new Float64Array(width * results.length)
  const writer = new FieldWriter(attributesBytes * results.length)
  const versions = new Map<number, string>()
  const leftOut = new Map<number, NotRead>()
  results.forEach((result, index) => {
    if ('leftOut' in result) return void leftOut.set(index, result)
    const { bytes, path, head, version } = result
    const at = writer.at
    writeAttributes(writer, path, head)
    numbers[width * index] = buffers.indexOf(bytes.buffer as ArrayBuffer)
    numbers[width * index + 1] = bytes.byteOffset
    numbers[width * index + 2] = bytes.byteLength
    numbers[width * index + 3] = at
    numbers[width * index + 4] = writer.at - at
    if (version !== '') versions.set(index, version)
  })
  const attributes = writer.finish()
  return { answer: { buffers, attributes, numbers, versions, leftOut }, transfer: [...buffers, attributes.buffer, numbers.buffer] }
}

/** The result of one item of an answer: the chunk's whole content. */
export function partAt({ buffers, attributes, numbers, versions, leftOut }: ReadAnswer, index: number, chunk: Chunk): ChunkPart | LeftOut {
  const notRead = leftOut.size === 0 ? undefined : leftOut.get(index)
  if (notRead !== undefined) return { chunk, ...notRead }
  const length = numbers[width * index + 2]!
  return {
    chunk,
    offset: 0,
    chunkBytes: length,
    bytes: length === 0 ? nothing : new Uint8Array(buffers[numbers[width * index]!]!, numbers[width * index + 1], length),
    isGiven: true,
    version: (versions.size === 0 ? undefined : versions.get(index)) ?? '',
    attributes: new Uint8Array(attributes.buffer, attributes.byteOffset + numbers[width * index + 3]!, numbers[width * index + 4]),
  }
}

const nothing = new Uint8Array(0)
