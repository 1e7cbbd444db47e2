// The heads of fragments on the wire (pack.proto, Fragment), by hand: there is one for every small file. All else of a pack's head is
// the protobuf library's.

import { HeirloomError } from '../errors.ts'
import { chunkBytesMax, chunkIdBytesMax, packBytesMax, sourcesMax } from '../limits/wire.ts'
import { FieldReader, wireType } from '../wire/field-reader.ts'
import type { FieldWriter } from '../wire/field-writer.ts'

/** A fragment's head: which chunk it is of, and where in it. */
export interface FragmentHead {
  readonly source: number
  /** At most chunkIdBytesMax bytes of UTF-8. */
  readonly id: string
  readonly metadata: boolean
  /** Where in the chunk this part begins, and how long the whole chunk is, in bytes. */
  readonly offset: number
  readonly chunkBytes: number
  readonly version: string
  /** Wall time in ms since 1970; 0: never. */
  readonly expiresAtMs: number
  readonly readProbability: number
  readonly attributes: Uint8Array
}

export type Fragment = FragmentHead & { readonly body: Uint8Array }

const { varint, bit64, bytes: span } = wireType
const nothing = new Uint8Array(0)

const tags = {
  source: (1 << 3) | varint,
  id: (2 << 3) | span,
  metadata: (3 << 3) | varint,
  offset: (4 << 3) | varint,
  bytes: (5 << 3) | varint,
  chunkBytes: (6 << 3) | varint,
  version: (7 << 3) | span,
  expiresAtMs: (8 << 3) | varint,
  readProbability: (9 << 3) | bit64,
  attributes: (10 << 3) | span,
} as const

/** The highest number of a field that is known. */
const fieldsMax = 10

/** Writes a head as the field `tag` of what it is a part of. Throws `too-large` for a long id, `malformed` for text without a UTF-8 form. */
export function writeFragment(writer: FieldWriter, tag: number, head: FragmentHead, bodyBytes: number): void {
  const start = writer.begin(tag)
  writer.uint(tags.source, head.source)
  writer.text(tags.id, head.id, "a chunk's id", chunkIdBytesMax)
  writer.uint(tags.metadata, head.metadata ? 1 : 0)
  writer.uint(tags.offset, head.offset)
  writer.uint(tags.bytes, bodyBytes)
  writer.uint(tags.chunkBytes, head.chunkBytes)
  writer.text(tags.version, head.version, "a chunk's version", packBytesMax)
  writer.uint(tags.expiresAtMs, toUint(head.expiresAtMs))
  writer.double(tags.readProbability, head.readProbability)
  writer.bytes(tags.attributes, head.attributes)
  writer.end(start)
}

/** A reader of heads whose bodies lie one after the other in `plain` from `bodiesAt` on. */
export class FragmentReader {
  readonly #plain: Uint8Array
  #bodyAt: number

  constructor(plain: Uint8Array, bodiesAt: number) {
    this.#plain = plain
    this.#bodyAt = bodiesAt
  }

  /** Where the next body would begin. */
  get bodyAt(): number {
    return this.#bodyAt
  }

  /** Reads the head that follows (its length comes first). Its attributes and body are views. Throws `malformed` or `too-large`. */
  read(reader: FieldReader): Fragment {
    let source = 0
    let id = ''
    let metadata = false
    let offset = 0
    let bytes = 0
    let chunkBytes = 0
    let version = ''
    let expiresAtMs = 0
    let readProbability = 0
    let attributes: Uint8Array = nothing
    const end = reader.enter()
    while (!reader.isAtEnd) {
      const tag = reader.tag()
      // The last of several counts.
      if (tag === tags.source) source = reader.uint32()
      else if (tag === tags.id) id = reader.text(chunkIdBytesMax)
      else if (tag === tags.metadata) metadata = reader.bool()
      else if (tag === tags.offset) offset = reader.uint64()
      else if (tag === tags.bytes) bytes = reader.uint32()
      else if (tag === tags.chunkBytes) chunkBytes = reader.uint64()
      else if (tag === tags.version) version = reader.text(packBytesMax)
      else if (tag === tags.expiresAtMs) expiresAtMs = reader.uint64()
      else if (tag === tags.readProbability) readProbability = reader.double()
      else if (tag === tags.attributes) attributes = reader.bytes()
      else if (tag >>> 3 <= fieldsMax) throw reader.wrongType()
      else reader.skip(tag)
    }
    reader.leave(end)
    if (source >= sourcesMax) throw new HeirloomError('malformed', `a fragment is of source ${source}`)
    if (Math.max(offset, chunkBytes, expiresAtMs) > Number.MAX_SAFE_INTEGER)
      throw new HeirloomError('malformed', 'a number is out of bounds')
    if (chunkBytes > chunkBytesMax) throw new HeirloomError('too-large', 'a chunk is over the limit')
    if (offset + bytes > chunkBytes) throw new HeirloomError('malformed', 'a fragment goes beyond its chunk')
    const body = this.#body(bytes)
    return { source, id, metadata, offset, chunkBytes, version, expiresAtMs, readProbability: weight(readProbability), attributes, body }
  }

  #body(bytes: number): Uint8Array {
    const { buffer, byteOffset, byteLength } = this.#plain
    if (bytes > byteLength - this.#bodyAt) throw new HeirloomError('malformed', "a pack's bodies are longer than the pack")
    this.#bodyAt += bytes
    return new Uint8Array(buffer, byteOffset + this.#bodyAt - bytes, bytes)
  }
}

/** A hint that came from an application: what isn't a whole number of the wire becomes the nearest that is. */
export function toUint(value: number): number {
  return Math.floor(Math.min(Math.max(value, 0), Number.MAX_SAFE_INTEGER)) || 0
}

/** Weights are summed: one that is no number, or negative, would spoil the account of all others. */
export function weight(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0
}
