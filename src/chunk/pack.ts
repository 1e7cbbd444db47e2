// The plain content of a pack: `head length u32 | PackHead | bodies` (PROTOCOL.md, "Packs").
// Reading checks every length and counts every list before it allocates anything for it, and hands bodies out as views.

import { create, toBinary } from '@bufbuild/protobuf'
import { HeirloomError } from '../errors.ts'
import { directoryEveryPacks } from '../limits/demand.ts'
import { partialPacksMax } from '../limits/preship.ts'
import { packBytesMax, packFragmentsMax, packRangesMax, packReferencesMax, packsMax, sourcesMax } from '../limits/wire.ts'
import { FieldReader, wireType } from '../wire/field-reader.ts'
import { FieldWriter } from '../wire/field-writer.ts'
import { PackHeadSchema, type PackHead } from '../wire/gen/pack_pb.ts'
import { readMessage } from '../wire/message.ts'
import { PackSet } from '../wire/pack-set.ts'
import { readReference, writeReference, type Reference } from './reference.ts'
import { FragmentReader, toUint, weight, writeFragment, type Fragment, type FragmentHead } from './fragment-codec.ts'

const lengthBytes = 4
const listLimits = {
  sources: sourcesMax,
  superseded: 2 * packRangesMax,
  references: packReferencesMax,
  directory: directoryEveryPacks,
  whole: 2 * packRangesMax,
  partial: partialPacksMax,
  fragments: 2 * packRangesMax,
}
const barrierTag = (1 << 3) | wireType.varint
/** Its number is 3, and it is a part with a length. */
const fragmentTag = (3 << 3) | wireType.bytes
/** A fragment's head, for most. */
const fragmentHeadBytes = 128

const nothing = new Uint8Array(0)
const emptyHead = create(PackHeadSchema)

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

/** What a directory names a chunk by: the beginning of a digest. */
export const chunkMarkBytes = 6

/** The chunks that a pack has fragments of: for each `chunkMarkBytes`, as `markChunk` makes them. */
export interface PackDirectory {
  readonly pack: number
  readonly chunks: Uint8Array
}

/** Which of the packs below `since` still hold: of those in neither, nothing is restored. */
export interface Verdict {
  readonly since: number
  readonly whole: PackSet
  /** By pack: which of its fragments hold, counted from 0. */
  readonly partial: ReadonlyMap<number, PackSet>
}

export interface EncodePackInput {
  readonly barrier: number
  readonly sources: readonly SourceSummary[]
  readonly fragments: readonly { readonly head: FragmentHead; readonly body: Uint8Array }[]
  readonly superseded: PackSet
  /** At most packReferencesMax. */
  readonly references?: readonly Reference[]
  readonly receipt?: PackedReceipt
  readonly directory?: readonly PackDirectory[]
  readonly verdict?: Verdict | undefined
  /** Packs that are restored before it are those from here to the barrier. */
  readonly barrierFrom?: number
}

export interface DecodedPack {
  readonly barrier: number
  readonly sources: readonly SourceSummary[]
  /** Bodies and attributes are views of the plain content. */
  readonly fragments: readonly Fragment[]
  readonly superseded: PackSet
  readonly references: readonly Reference[]
  readonly receipt: PackedReceipt | undefined
  readonly directory: readonly PackDirectory[]
  readonly verdict: Verdict | undefined
  readonly barrierFrom: number
}

/**
 * The pieces of a pack's plain content; bodies are not copied. Throws `too-large` for too many fragments or a long id, `malformed` for an id
 * that has no UTF-8 form.
 */
export function encodePack(input: EncodePackInput): Uint8Array[] {
  const { barrier, sources, fragments } = input
  if (fragments.length > packFragmentsMax) throw new HeirloomError('too-large', `a pack has more than ${packFragmentsMax} fragments`)
  const writer = new FieldWriter(fragments.length * fragmentHeadBytes)
  // The fields' numbers are their order: fragments come after barrier and sources and before the rest. Most packs have only a barrier and fragments.
  const before = sources.length === 0 ? nothing : encodeSources(barrier, sources)
  if (sources.length === 0) writer.uint(barrierTag, barrier)
  for (const { head, body } of fragments) writeFragment(writer, fragmentTag, head, body.byteLength)
  const after = encodeRest(input)
  const length = new Uint8Array(lengthBytes)
  new DataView(length.buffer).setUint32(0, before.byteLength + writer.at + after.byteLength)
  return [length, before, writer.finish(), after, ...fragments.map(({ body }) => body)]
}

function encodeSources(barrier: number, sources: EncodePackInput['sources']): Uint8Array {
  const summaries = sources.map((summary) => {
    return { ...summary, chunks: BigInt(toUint(summary.chunks)), bytes: BigInt(toUint(summary.bytes)) }
  })
  return toBinary(PackHeadSchema, create(PackHeadSchema, { barrier, sources: summaries }))
}

/** The fields that come after the fragments. */
function encodeRest({ superseded, references = [], receipt, directory = [], verdict, barrierFrom = 0 }: EncodePackInput): Uint8Array {
  const isEmpty = superseded.size + references.length + directory.length + barrierFrom === 0
  if (isEmpty && receipt === undefined && verdict === undefined) return nothing
  const rest = {
    superseded: superseded.toRuns(),
    references: references.map(writeReference),
    ...(receipt && { receipt }),
    directory: [...directory],
    ...(verdict && { verdict: writeVerdict(verdict) }),
    barrierFrom,
  }
  return toBinary(PackHeadSchema, create(PackHeadSchema, rest))
}

/** Reads a pack's plain content; throws `malformed` or `too-large`. */
export function decodePack(plain: Uint8Array): DecodedPack {
  if (plain.byteLength < lengthBytes) throw new HeirloomError('malformed', 'a pack has no head')
  if (plain.byteLength > packBytesMax) throw new HeirloomError('too-large', 'a pack is over the limit')
  const headBytes = new DataView(plain.buffer, plain.byteOffset, plain.byteLength).getUint32(0)
  if (headBytes > plain.byteLength - lengthBytes) throw new HeirloomError('malformed', "a pack's head is longer than the pack")
  const bodiesAt = lengthBytes + headBytes
  const { barrier, fragments, rest, bodiesEnd } = readFragments(plain, bodiesAt)
  const head = rest.byteLength === 0 ? emptyHead : readMessage(PackHeadSchema, rest, "a pack's head", listLimits)
  if (barrier >= packsMax) throw new HeirloomError('malformed', "a pack's barrier is out of bounds")
  if (bodiesEnd !== plain.byteLength) throw new HeirloomError('malformed', "a pack's bodies are shorter than the pack")
  return {
    barrier,
    sources: head.sources.map(checkSummary),
    fragments,
    superseded: PackSet.fromRuns(head.superseded),
    references: head.references.map(readReference),
    receipt: head.receipt && { content: head.receipt.content, signature: head.receipt.signature },
    directory: head.directory.map(checkDirectory),
    verdict: head.verdict && readVerdict(head.verdict),
    barrierFrom: head.barrierFrom,
  }
}

interface HandRead {
  readonly barrier: number
  readonly fragments: Fragment[]
  /** The bytes of all other fields. */
  readonly rest: Uint8Array
  readonly bodiesEnd: number
}

/** What nearly every pack has in its head, which ends at `bodiesAt`. */
function readFragments(plain: Uint8Array, bodiesAt: number): HandRead {
  let barrier = 0
  const fragments: Fragment[] = []
  const rest: Uint8Array[] = []
  const reader = new FieldReader(plain, "a pack's head")
  const bodies = new FragmentReader(plain, bodiesAt)
  let restAt = lengthBytes
  reader.window(lengthBytes, bodiesAt)
  while (!reader.isAtEnd) {
    const at = reader.at
    const tag = reader.tag()
    if (tag !== fragmentTag && tag !== barrierTag) {
      reader.skip(tag)
      continue
    }
    if (at > restAt) rest.push(plain.subarray(restAt, at))
    // The last of several counts.
    if (tag === barrierTag) barrier = reader.uint32()
    else if (fragments.length < packFragmentsMax) fragments.push(bodies.read(reader))
    else throw new HeirloomError('too-large', `a pack has more than ${packFragmentsMax} fragments`)
    restAt = reader.at
  }
  if (restAt < bodiesAt) rest.push(plain.subarray(restAt, bodiesAt))
  return { barrier, fragments, rest: rest.length === 1 ? rest[0]! : new Uint8Array(Buffer.concat(rest)), bodiesEnd: bodies.bodyAt }
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

function checkDirectory({ pack, chunks }: PackHead['directory'][number]): PackDirectory {
  if (pack >= packsMax) throw new HeirloomError('malformed', `a directory is of pack ${pack}`)
  if (chunks.byteLength % chunkMarkBytes !== 0) throw new HeirloomError('malformed', 'a directory ends within a chunk')
  return { pack, chunks }
}

function writeVerdict({ since, whole, partial }: Verdict) {
  return { since, whole: whole.toRuns(), partial: [...partial].map(([pack, fragments]) => ({ pack, fragments: fragments.toRuns() })) }
}

function readVerdict({ since, whole, partial }: NonNullable<PackHead['verdict']>): Verdict {
  if (since >= packsMax) throw new HeirloomError('malformed', `a verdict is of packs below ${since}`)
  return {
    since,
    whole: PackSet.fromRuns(whole),
    partial: new Map(partial.map(({ pack, fragments }) => [pack, PackSet.fromRuns(fragments)])),
  }
}

function safeNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new HeirloomError('malformed', 'a number is out of bounds')
  return Number(value)
}
