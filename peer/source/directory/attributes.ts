// The attributes of a directory's fragments on the wire (pack.proto, FileAttributes). Here and not on the file threads, which start faster
// without the wire format's library.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileAttributesSchema, type FileAttributes } from '../../../src/wire/gen/pack_pb.ts'
import { noTarget, typeByNumber, typeNumbers, type EntryHead, type RelativePath } from './entry.ts'
import { pathBytes, pathFromBytes, pathProblem } from './path.ts'

export function encodeAttributes(path: RelativePath, head: EntryHead): Uint8Array {
  const message = create(FileAttributesSchema, {
    path: pathBytes(path),
    type: typeNumbers[head.type],
    mode: head.mode,
    mtimeS: BigInt(head.mtimeS),
    mtimeNs: head.mtimeNs,
    size: BigInt(head.size),
    offset: BigInt(head.offset),
    target: head.target,
  })
  return toBinary(FileAttributesSchema, message)
}

/** What came over the wire, or what is wrong with it. Whatever bytes it is given, it doesn't throw. */
export function decodeAttributes(bytes: Uint8Array): { path: RelativePath; head: EntryHead } | { problem: string } {
  let message: FileAttributes
  try {
    message = fromBinary(FileAttributesSchema, bytes)
  } catch {
    return { problem: 'its attributes do not decode' }
  }
  const problem = pathProblem(message.path)
  if (problem !== undefined) return { problem }
  const type = typeByNumber[message.type]
  if (type === undefined) return { problem: `an entry of the unknown type ${message.type}` }
  const numbers = { mtimeS: Number(message.mtimeS), size: Number(message.size), offset: Number(message.offset) }
  const isSane = Object.values(numbers).every(Number.isSafeInteger) && message.mtimeNs < 1e9 && Math.abs(numbers.mtimeS) < 2 ** 40
  if (!isSane || numbers.offset > numbers.size) return { problem: 'its size or time can not be' }
  const target = message.target.byteLength === 0 ? noTarget : message.target
  if (type === 'link' && (target.byteLength === 0 || target.includes(0))) return { problem: 'a link that points nowhere' }
  return { path: pathFromBytes(message.path), head: { type, mode: message.mode & 0o7777, mtimeNs: message.mtimeNs, target, ...numbers } }
}
