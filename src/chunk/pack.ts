// The plain content of a pack: `head length u32 | PackHead | bodies` (PROTOCOL.md, "Packs").
// Reading checks every length and counts every list before it allocates anything for it, and hands bodies out as views.

import { create, toBinary } from '@bufbuild/protobuf'
import { HeirloomError } from '../errors.ts'
import { chunkBytesMax, chunkIdBytesMax, packBytesMax, packFragmentsMax, packRangesMax, packsMax, sourcesMax } from '../limits.ts'
import { PackHeadSchema, type PackHead } from '../wire/gen/pack_pb.ts'
import { readMessage } from '../wire/message.ts'
import { PackSet } from '../wire/pack-set.ts'

const lengthBytes = 4
const listLimits = { sources: sourcesMax, fragments: packFragmentsMax, superseded: 2 * packRangesMax }
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

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

/** What a source promised. */
export interface SourceSummary {
  readonly source: number
  readonly name: string
  readonly kind: string
  readonly chunks: number
  readonly bytes: number
  /** Sum over its chunks. */
  readonly readProbability: number
}

/** The predecessor's signature over its receipt, which is JSON. */
export interface PackedReceipt {
  readonly content: Uint8Array
  readonly signature: Uint8Array
}

export interface EncodePackInput {
  readonly barrier: number
  readonly sources: readonly SourceSummary[]
  readonly fragments: readonly { readonly head: FragmentHead; readonly body: Uint8Array }[]
  readonly superseded: PackSet
  readonly receipt?: PackedReceipt
}

export interface DecodedPack {
  readonly barrier: number
  readonly sources: readonly SourceSummary[]
  /** Bodies and attributes are views of the plain content. */
  readonly fragments: readonly (FragmentHead & { readonly body: Uint8Array })[]
  readonly superseded: PackSet
  readonly receipt: PackedReceipt | undefined
}

/**
 * The pieces of a pack's plain content; bodies are not copied. Throws `too-large` for too many fragments or a long id, `malformed` for an id
 * that has no UTF-8 form.
 */
export function encodePack({ barrier, sources, fragments, superseded, receipt }: EncodePackInput): Uint8Array[] {
  if (fragments.length > packFragmentsMax) throw new HeirloomError('too-large', `a pack has more than ${packFragmentsMax} fragments`)
  const head = create(PackHeadSchema, {
    barrier,
    superseded: superseded.toRuns(),
    sources: sources.map((summary) => ({ ...summary, chunks: toUint(summary.chunks), bytes: toUint(summary.bytes) })),
    fragments: fragments.map(({ head, body }) => ({
      ...head,
      id: utf8Bytes(head.id),
      offset: BigInt(head.offset),
      bytes: body.byteLength,
      chunkBytes: BigInt(head.chunkBytes),
      expiresAtMs: toUint(head.expiresAtMs),
    })),
    ...(receipt && { receipt }),
  })
  const headBytes = toBinary(PackHeadSchema, head)
  const length = new Uint8Array(lengthBytes)
  new DataView(length.buffer).setUint32(0, headBytes.byteLength)
  return [length, headBytes, ...fragments.map(({ body }) => body)]
}

/** Reads a pack's plain content; throws `malformed` or `too-large`. */
export function decodePack(plain: Uint8Array): DecodedPack {
  if (plain.byteLength < lengthBytes) throw new HeirloomError('malformed', 'a pack has no head')
  if (plain.byteLength > packBytesMax) throw new HeirloomError('too-large', 'a pack is over the limit')
  const headBytes = new DataView(plain.buffer, plain.byteOffset, plain.byteLength).getUint32(0)
  if (headBytes > plain.byteLength - lengthBytes) throw new HeirloomError('malformed', "a pack's head is longer than the pack")
  let at = lengthBytes + headBytes
  const head = readMessage(PackHeadSchema, plain.subarray(lengthBytes, at), "a pack's head", listLimits)
  if (head.barrier >= packsMax) throw new HeirloomError('malformed', "a pack's barrier is out of bounds")
  const fragments = head.fragments.map((fragment) => {
    if (fragment.bytes > plain.byteLength - at) throw new HeirloomError('malformed', "a pack's bodies are longer than the pack")
    const body = plain.subarray(at, at + fragment.bytes)
    at += fragment.bytes
    return { ...checkFragment(fragment), body }
  })
  if (at !== plain.byteLength) throw new HeirloomError('malformed', "a pack's bodies are shorter than the pack")
  return {
    barrier: head.barrier,
    sources: head.sources.map(checkSummary),
    fragments,
    superseded: PackSet.fromRuns(head.superseded),
    receipt: head.receipt && { content: head.receipt.content, signature: head.receipt.signature },
  }
}

function checkFragment(fragment: PackHead['fragments'][number]): FragmentHead {
  const { source, metadata, version, attributes, bytes } = fragment
  const offset = safeNumber(fragment.offset)
  const chunkBytes = safeNumber(fragment.chunkBytes)
  if (source >= sourcesMax) throw new HeirloomError('malformed', `a fragment is of source ${source}`)
  if (chunkBytes > chunkBytesMax) throw new HeirloomError('too-large', 'a chunk is over the limit')
  if (offset + bytes > chunkBytes) throw new HeirloomError('malformed', 'a fragment goes beyond its chunk')
  return {
    source,
    id: utf8Text(fragment.id),
    metadata,
    offset,
    chunkBytes,
    version,
    expiresAtMs: safeNumber(fragment.expiresAtMs),
    readProbability: weight(fragment.readProbability),
    attributes,
  }
}

function checkSummary(summary: PackHead['sources'][number]): SourceSummary {
  const { source, name, kind, readProbability } = summary
  if (source >= sourcesMax) throw new HeirloomError('malformed', `a summary is of source ${source}`)
  return {
    source,
    name,
    kind,
    chunks: safeNumber(summary.chunks),
    bytes: safeNumber(summary.bytes),
    readProbability: weight(readProbability),
  }
}

/** A hint that came from an application: what isn't a whole number of the wire becomes the nearest that is. */
function toUint(value: number): bigint {
  return BigInt(Math.floor(Math.min(Math.max(value, 0), Number.MAX_SAFE_INTEGER)) || 0)
}

function safeNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new HeirloomError('malformed', 'a number is out of bounds')
  return Number(value)
}

/** Weights are summed: one that is no number, or negative, would spoil the account of all others. */
function weight(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0
}

function utf8Bytes(id: string): Uint8Array {
  if (!id.isWellFormed()) throw new HeirloomError('malformed', "a chunk's id has half a surrogate pair, which UTF-8 can't carry")
  const bytes = Buffer.from(id)
  if (bytes.byteLength > chunkIdBytesMax) throw new HeirloomError('too-large', "a chunk's id is too long")
  return bytes
}

function utf8Text(bytes: Uint8Array): string {
  if (bytes.byteLength > chunkIdBytesMax) throw new HeirloomError('too-large', "a chunk's id is too long")
  try {
    return utf8.decode(bytes)
  } catch (thrown) {
    throw new HeirloomError('malformed', "a chunk's id is not UTF-8", { cause: thrown })
  }
}
