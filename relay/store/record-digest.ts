// What shows that a record's pack is the one its header was written for. There are two ways, since no one is quick everywhere: with OpenSSL an
// authentication code by AES takes a third of the time of zlib's CRC-32; elsewhere it may take seventy times as long. A store writes
// what is quicker where it runs and reads both, so its folder can move from one machine or runtime to another.

import { crc32 } from 'node:zlib'
import { Gmac } from '../../src/seal/gmac.ts'

/** Of the header what the digest covers beside the pack: all before its checksums. */
export const describedBytes = 16

export interface RecordDigest {
  /** Of the record that has it. */
  readonly version: 1 | 2
  /** 32 bits over the described part of the header and the pack that follows, given in pieces. */
  of(described: Uint8Array, pack: readonly Uint8Array[]): number
}

/** Version 1: CRC-32, as in zlib. */
export const crcDigest: RecordDigest = {
  version: 1,
  of: (described, pack) => pack.reduce((crc, piece) => crc32(piece, crc), crc32(described)),
}

/** Nobody has to be kept from making one: it is against disks, not people. */
const mac = new Gmac(new Uint8Array(16))
const nonceAt = describedBytes - 12

/** Version 2: GMAC by AES-128 with a key of zeros; the nonce is the last 12 described bytes, the first 4 bytes of the tag are taken. */
export const gmacDigest: RecordDigest = {
  version: 2,
  of: (described, pack) => mac.tag(described.subarray(nonceAt, describedBytes), pack).readUInt32BE(0),
}

export const recordDigests: readonly RecordDigest[] = [crcDigest, gmacDigest]

const sampleBytes = 128 * 1024
const samples = 3

let quickest: RecordDigest | undefined

/** The one that takes less time here, by a measurement of about a millisecond with the first call. */
export function quickestDigest(): RecordDigest {
  return (quickest ??= recordDigests.toSorted((one, other) => timeOf(one) - timeOf(other))[0]!)
}

/** The least of a few: others may have had the processor meanwhile. */
function timeOf(digest: RecordDigest): number {
  const described = new Uint8Array(describedBytes)
  const pack = [new Uint8Array(sampleBytes)]
  let least = Infinity
  for (let sample = 0; sample < samples; sample++) {
    const startedMs = performance.now()
    digest.of(described, pack)
    least = Math.min(least, performance.now() - startedMs)
  }
  return least
}
