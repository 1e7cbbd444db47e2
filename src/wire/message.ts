// Reading messages from outside. The protobuf library takes a field's number for what it is, whatever wire type the sender gave it, and lets a
// part run beyond its whole; so the bytes are walked first. What passes means to the library just what it meant here, and its lists are counted.
//
// Invariant: nothing is allocated for a list longer than its limit, and any malformation is a HeirloomError.

import { fromBinary, ScalarType, type DescField, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { HeirloomError } from '../errors.ts'

/** The most entries in a list of the outermost message, by the field's name. A list without one is bounded by the bytes alone. */
export type ListLimits = Readonly<Record<string, number>>

/** Decodes a message; `what` names it in errors. Unknown fields are skipped. Throws `malformed`, or `too-large` for a list over its limit. */
export function readMessage<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  what: string,
  limits: ListLimits = {},
): MessageShape<Desc> {
  try {
    walk(schema, new BinaryReader(bytes), bytes.byteLength, limits)
    return fromBinary(schema, bytes, { readUnknownFields: false })
  } catch (thrown) {
    if (thrown instanceof HeirloomError) throw thrown
    throw new HeirloomError('malformed', `${what} does not decode`, { cause: thrown })
  }
}

function walk(message: DescMessage, reader: BinaryReader, end: number, limits?: ListLimits): void {
  const counts: Record<string, number> = {}
  while (reader.pos < end) {
    const [number, wireType] = reader.tag()
    // Numbers are given in order, so a field is nearly always at its own.
    const likely = message.fields[number - 1]
    const field = likely?.number === number ? likely : message.fields.find((each) => each.number === number)
    const entries = field === undefined ? skip(reader, wireType, number) : walkField(field, reader, wireType)
    if (reader.pos > end) throw new HeirloomError('malformed', `a field of ${message.name} is longer than what it is a part of`)
    const limit = field && limits?.[field.localName]
    if (limit === undefined) continue
    const count = (counts[field!.localName] ?? 0) + entries
    if (count > limit) throw new HeirloomError('too-large', `${message.name} has more than ${limit} ${field!.name}`)
    counts[field!.localName] = count
  }
}

/** Passes over one field; answers how many entries it adds to a list. */
function walkField(field: DescField, reader: BinaryReader, wireType: WireType): number {
  const expected = wireTypeOf(field)
  if (wireType !== expected) {
    if (field.fieldKind === 'list' && expected === WireType.Varint && wireType === WireType.LengthDelimited) return walkPacked(reader)
    throw new HeirloomError('malformed', `the field ${field.name} has the wrong wire type`)
  }
  if (wireType !== WireType.LengthDelimited) return skip(reader, wireType, field.number)
  const length = reader.uint32()
  if (field.message === undefined) reader.pos += length
  else walk(field.message, reader, reader.pos + length)
  return 1
}

function skip(reader: BinaryReader, wireType: WireType, number: number): number {
  reader.skip(wireType, number)
  return 1
}

/** A packed list of varints, the only kind that Heirloom's messages have: each ends with a byte below 128. */
function walkPacked(reader: BinaryReader): number {
  const packed = reader.bytes()
  let entries = 0
  for (const byte of packed) if (byte < 0x80) entries++
  if (packed.byteLength > 0 && packed.at(-1)! >= 0x80) throw new HeirloomError('malformed', 'a packed list ends within a number')
  return entries
}

function wireTypeOf(field: DescField): WireType {
  if (field.message !== undefined) return WireType.LengthDelimited
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited
    case ScalarType.DOUBLE:
      return WireType.Bit64
    default:
      return WireType.Varint
  }
}
