// The format of a segment file, whose records are of version 1 or 2. This comment is normative.
//
// A store's folder holds a folder for each pool (64 hexadecimal digits), that one a folder for each handoff (32 digits), that one the segments
// `00000000.packs`, `00000001.packs`, … A folder `….dropped` is a handoff whose removal was cut short; it counts as gone. A segment is records one after
// the other, from offset 0, without gaps and without order among pack numbers. Numbers are big-endian. A record:
//
//   offset size
//        0    4  magic: 48 4c 50 4b ("HLPK")
//        4    1  version: 1 or 2
//        5    3  reserved: 0
//        8    4  pack number, below packsMax
//       12    4  length of the sealed pack in bytes, at most packBytesMax
//       16    4  CRC-32 (as in zlib) of the 16 bytes before
//       20    4  digest of the 16 bytes at 0 and the sealed pack, so that a header never vouches for another record's bytes: in version 1 their
//                CRC-32; in version 2 the first 4 bytes of the tag of AES-128-GCM with a key of zeros, the 12 bytes at 4 as nonce, no
//                plaintext, and the sealed pack as additional data
//       24    …  the sealed pack
//
// Of two records with one number the last that is whole counts: it was written because the other was damaged. Only the last segment may end in the
// middle of a record (a torn tail) or hold records that aren't durable: a writer begins the next one after it has synced this one, or has cut it back
// to what was durable. Whoever finds a record's pack damaged there overwrites its header with zeros, since in the segments before only headers are read.

import { crc32 } from 'node:zlib'
import { packBytesMax, packsMax } from '../../src/limits/wire.ts'
import { describedBytes, recordDigests, type RecordDigest } from './record-digest.ts'

export const recordHeaderBytes = 24
export const recordMagic = Uint8Array.of(0x48, 0x4c, 0x50, 0x4b)

const magicNumber = 0x484c504b

export interface RecordHeader {
  readonly number: number
  /** Length of the sealed pack in bytes. */
  readonly bytes: number
  /** What the digest covers beside the pack. */
  readonly described: Uint8Array
  /** How it was made, and what it must be. */
  readonly kind: RecordDigest
  readonly digest: number
}

/** The header that goes before the pieces of a pack of `bytes` bytes in all. */
export function encodeRecordHeader(number: number, bytes: number, pieces: readonly Uint8Array[], kind: RecordDigest): Uint8Array {
  const header = new Uint8Array(recordHeaderBytes)
  const view = new DataView(header.buffer)
  view.setUint32(0, magicNumber)
  view.setUint8(4, kind.version)
  view.setUint32(8, number)
  view.setUint32(12, bytes)
  const described = header.subarray(0, describedBytes)
  view.setUint32(16, crc32(described))
  view.setUint32(20, kind.of(described, pieces))
  return header
}

/** The header at `offset`, or undefined if there is none that is whole and within the bounds. */
export function decodeRecordHeader(bytes: Uint8Array, offset = 0): RecordHeader | undefined {
  if (offset + recordHeaderBytes > bytes.length) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, recordHeaderBytes)
  const kind = recordDigests.find(({ version }) => view.getUint32(4) === version << 24)
  if (view.getUint32(0) !== magicNumber || kind === undefined) return undefined
  const number = view.getUint32(8)
  const length = view.getUint32(12)
  if (number >= packsMax || length > packBytesMax) return undefined
  // A copy: what it lies in may be used for the next reading.
  const described = new Uint8Array(bytes.subarray(offset, offset + describedBytes))
  if (crc32(described) !== view.getUint32(16)) return undefined
  return { number, bytes: length, described, kind, digest: view.getUint32(20) }
}

/** Whether `pack` is what the header was written for. */
export function matchesHeader({ bytes, described, kind, digest }: RecordHeader, pack: Uint8Array): boolean {
  return pack.length === bytes && kind.of(described, [pack]) === digest
}

export function segmentName(sequence: number): string {
  return `${sequence.toString().padStart(8, '0')}.packs`
}

/** The sequence number of a segment's file name, or undefined if it is something else. */
export function segmentSequence(name: string): number | undefined {
  return /^\d{8}\.packs$/.test(name) ? Number(name.slice(0, 8)) : undefined
}
