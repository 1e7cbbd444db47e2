// The plain content of a pack: `head length u32 | PackHead | bodies` (PROTOCOL.md, "Packs").
// Reading checks every length and counts every list before it allocates anything for it, and hands bodies out as views.

import { create, toBinary } from '@bufbuild/protobuf'
import { HeirloomError } from '../errors.ts'
import { packBytesMax, packFragmentsMax, packRangesMax, packReferencesMax, packsMax, sourcesMax } from '../limits/wire.ts'
import { FieldReader, wireType } from '../wire/field-reader.ts'
import { FieldWriter } from '../wire/field-writer.ts'
import { PackHeadSchema, type PackHead } from '../wire/gen/pack_pb.ts'
import { readMessage } from '../wire/message.ts'
import { PackSet } from '../wire/pack-set.ts'
import { readReference, writeReference, type Reference } from './reference.ts'
import { FragmentReader, toUint, weight, writeFragment, type Fragment, type FragmentHead } from './fragment-codec.ts'

const lengthBytes = 4
const listLimits = { sources: sourcesMax, superseded: 2 * packRangesMax, references: packReferencesMax }
/** Its number is 3, and it is a part with a length. */
const fragmentTag = (3 << 3) | wireType.bytes
/** A fragment's head, for most. */
const fragmentHeadBytes = 128

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
  /** At most packReferencesMax. */
  readonly references?: readonly Reference[]
  readonly receipt?: PackedReceipt
}

export interface DecodedPack {
  readonly barrier: number
  readonly sources: readonly SourceSummary[]
  /** Bodies and attributes are views of the plain content. */
  readonly fragments: readonly Fragment[]
  readonly superseded: PackSet
  readonly references: readonly Reference[]
  readonly receipt: PackedReceipt | undefined
}

/**
 * The pieces of a pack's plain content; bodies are not copied. Throws `too-large` for too many fragments or a long id, `malformed` for an id
 * that has no UTF-8 form.
 */
export function encodePack({ barrier, sources, fragments, superseded, references = [], receipt }: EncodePackInput): Uint8Array[] {
  if (fragments.length > packFragmentsMax) throw new HeirloomError('too-large', `a pack has more than ${packFragmentsMax} fragments`)
  const writer = new FieldWriter(fragments.length * fragmentHeadBytes)
  for (const { head, body } of fragments) writeFragment(writer, fragmentTag, head, body.byteLength)
  // The fields' numbers are their order: fragments come after the sources and before the rest.
  const before = toBinary(
    PackHeadSchema,
    create(PackHeadSchema, {
      barrier,
      sources: sources.map((summary) => ({ ...summary, chunks: BigInt(toUint(summary.chunks)), bytes: BigInt(toUint(summary.bytes)) })),
    }),
  )
  const rest = { superseded: superseded.toRuns(), references: references.map(writeReference), ...(receipt && { receipt }) }
  const after = toBinary(PackHeadSchema, create(PackHeadSchema, rest))
  const length = new Uint8Array(lengthBytes)
  new DataView(length.buffer).setUint32(0, before.byteLength + writer.at + after.byteLength)
  return [length, before, writer.finish(), after, ...fragments.map(({ body }) => body)]
}

/** Reads a pack's plain content; throws `malformed` or `too-large`. */
export function decodePack(plain: Uint8Array): DecodedPack {
  if (plain.byteLength < lengthBytes) throw new HeirloomError('malformed', 'a pack has no head')
  if (plain.byteLength > packBytesMax) throw new HeirloomError('too-large', 'a pack is over the limit')
  const headBytes = new DataView(plain.buffer, plain.byteOffset, plain.byteLength).getUint32(0)
  if (headBytes > plain.byteLength - lengthBytes) throw new HeirloomError('malformed', "a pack's head is longer than the pack")
  const bodiesAt = lengthBytes + headBytes
  const { fragments, rest, bodiesEnd } = readFragments(plain, bodiesAt)
  const head = readMessage(PackHeadSchema, rest, "a pack's head", listLimits)
  if (head.barrier >= packsMax) throw new HeirloomError('malformed', "a pack's barrier is out of bounds")
  if (bodiesEnd !== plain.byteLength) throw new HeirloomError('malformed', "a pack's bodies are shorter than the pack")
  return {
    barrier: head.barrier,
    sources: head.sources.map(checkSummary),
    fragments,
    superseded: PackSet.fromRuns(head.superseded),
    references: head.references.map(readReference),
    receipt: head.receipt && { content: head.receipt.content, signature: head.receipt.signature },
  }
}

/** The fragments of a head that ends at `bodiesAt`, and the bytes of all its other fields. */
function readFragments(plain: Uint8Array, bodiesAt: number): { fragments: Fragment[]; rest: Uint8Array; bodiesEnd: number } {
  const fragments: Fragment[] = []
  const rest: Uint8Array[] = []
  const reader = new FieldReader(plain, "a pack's head")
  const bodies = new FragmentReader(plain, bodiesAt)
  let restAt = lengthBytes
  reader.window(lengthBytes, bodiesAt)
  while (!reader.isAtEnd) {
    const at = reader.at
    const tag = reader.tag()
    if (tag !== fragmentTag) {
      reader.skip(tag)
      continue
    }
    if (at > restAt) rest.push(plain.subarray(restAt, at))
    if (fragments.length === packFragmentsMax) throw new HeirloomError('too-large', `a pack has more than ${packFragmentsMax} fragments`)
    fragments.push(bodies.read(reader))
    restAt = reader.at
  }
  rest.push(plain.subarray(restAt, bodiesAt))
  return { fragments, rest: rest.length === 1 ? rest[0]! : new Uint8Array(Buffer.concat(rest)), bodiesEnd: bodies.bodyAt }
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

function safeNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new HeirloomError('malformed', 'a number is out of bounds')
  return Number(value)
}
