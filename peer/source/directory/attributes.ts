// The attributes of a directory's fragments on the wire (pack.proto, FileAttributes), by hand: there is one for every small file, and the
// threads that write and read them start faster without the protobuf library.

import { HeirloomError } from '../../../src/errors.ts'
import { packBytesMax } from '../../../src/limits/wire.ts'
import { FieldReader, wireType } from '../../../src/wire/field-reader.ts'
import { FieldWriter } from '../../../src/wire/field-writer.ts'
import { noTarget, typeByNumber, typeNumbers, type EntryHead, type RelativePath } from './entry.ts'
import { pathProblem } from './path.ts'

const { varint, bytes } = wireType

const tags = {
  path: (1 << 3) | bytes,
  type: (2 << 3) | varint,
  mode: (3 << 3) | varint,
  mtimeS: (4 << 3) | varint,
  mtimeNs: (5 << 3) | varint,
  size: (6 << 3) | varint,
  offset: (7 << 3) | varint,
  target: (8 << 3) | bytes,
  sparse: (9 << 3) | varint,
  extended: (10 << 3) | bytes,
} as const

/** The highest number of a field that is known. */
const fieldsMax = 10

export type DecodedAttributes = { readonly path: RelativePath; readonly head: EntryHead } | { readonly problem: string }

export function writeAttributes(writer: FieldWriter, path: RelativePath, head: EntryHead): void {
  if (typeof path === 'string') writer.text(tags.path, path.toWellFormed(), 'a path', packBytesMax)
  else writer.bytes(tags.path, path)
  writer.uint(tags.type, typeNumbers[head.type])
  writer.uint(tags.mode, head.mode)
  writer.sint(tags.mtimeS, head.mtimeS)
  writer.uint(tags.mtimeNs, head.mtimeNs)
  writer.uint(tags.size, head.size)
  writer.uint(tags.offset, head.offset)
  writer.bytes(tags.target, head.target)
  writer.uint(tags.sparse, head.sparse === true ? 1 : 0)
  if (head.extended !== undefined) writer.bytes(tags.extended, head.extended)
}

/** The same attributes, with extended ones: fields may come in any order. */
export function withExtended(attributes: Uint8Array, extended: Uint8Array): Uint8Array {
  const writer = new FieldWriter()
  writer.bytes(tags.extended, extended)
  return Buffer.concat([attributes, writer.finish()])
}

export function encodeAttributes(path: RelativePath, head: EntryHead): Uint8Array {
  const writer = new FieldWriter()
  writeAttributes(writer, path, head)
  return writer.finish()
}

/** What came over the wire, or what is wrong with it. Whatever bytes it is given, it doesn't throw. */
export function decodeAttributes(attributes: Uint8Array): DecodedAttributes {
  return readAttributes(new FieldReader(attributes, 'attributes'), 0, attributes.byteLength)
}

/** As decodeAttributes, for those from `at` to `end` of what the reader reads. */
export function readAttributes(reader: FieldReader, at: number, end: number): DecodedAttributes {
  reader.window(at, end)
  try {
    return readFields(reader)
  } catch (thrown) {
    if (!(thrown instanceof HeirloomError)) throw thrown
    return { problem: 'its attributes do not decode' }
  }
}

function readFields(reader: FieldReader): DecodedAttributes {
  let path: string | Uint8Array = ''
  let typeNumber = 0
  let mode = 0
  let mtimeS = 0
  let mtimeNs = 0
  let size = 0
  let offset = 0
  let target = noTarget
  let sparse = false
  let extended = noTarget
  while (!reader.isAtEnd) {
    const tag = reader.tag()
    if (tag === tags.path) path = reader.textOrBytes()
    else if (tag === tags.type) typeNumber = reader.uint32()
    else if (tag === tags.mode) mode = reader.uint32()
    else if (tag === tags.mtimeS) mtimeS = reader.sint64()
    else if (tag === tags.mtimeNs) mtimeNs = reader.uint32()
    else if (tag === tags.size) size = reader.uint64()
    else if (tag === tags.offset) offset = reader.uint64()
    else if (tag === tags.target) target = reader.bytes()
    else if (tag === tags.sparse) sparse = reader.bool()
    else if (tag === tags.extended) extended = reader.bytes()
    else if (tag >>> 3 <= fieldsMax) throw reader.wrongType()
    else reader.skip(tag)
  }
  const problem = pathProblem(path)
  if (problem !== undefined) return { problem }
  const type = typeByNumber[typeNumber]
  if (type === undefined) return { problem: `an entry of the unknown type ${typeNumber}` }
  // An offset beyond the size covers an offset that is no safe number.
  const isSane = Number.isSafeInteger(size) && mtimeNs < 1e9 && Math.abs(mtimeS) < 2 ** 40
  if (!isSane || offset > size) return { problem: 'its size or time can not be' }
  if (type === 'link' && (target.byteLength === 0 || target.includes(0))) return { problem: 'a link that points nowhere' }
  if (type === 'name' && pathProblem(target) !== undefined) return { problem: 'a name of a file outside' }
  const common = { type, mode: mode & 0o7777, mtimeS, mtimeNs, size, offset, target }
  const head = { ...common, ...(sparse && { sparse }), ...(extended.byteLength > 0 && { extended }) }
  // Copied: a path may be kept until the end, and the memory that this was read from is used again.
  return { path: typeof path === 'string' ? path : Buffer.from(path), head }
}
