// What travels and what is kept: packs, frames, headers, certificates. Each bound's name ends in the unit, its comment says why this number.
// Lengths that arrive from outside are compared with these before any memory is taken for them.

import { GiB, KiB, MiB } from './size.ts'

/** What one pack aims for: large enough that sealing runs at hardware speed, small enough to lose little to a cut. */
export const packBytesTarget = 1 * MiB

/** The largest sealed pack anyone accepts. A reader refuses a longer frame before it allocates. */
export const packBytesMax = 4 * MiB

/** Buffers for packs that are kept for the next ones, of each use: what a quick peer has in hand at a time, which is a window. */
export const packBuffersKept = 8

/** Packs in one handoff: at the target size this is 1 TiB, and a bitmap of it is 128 KiB. */
export const packsMax = 1 << 20

/** Any frame that isn't a pack: the largest is a pack set of 32,768 ranges. */
export const controlFrameBytesMax = 256 * KiB

/** Ranges in a pack set on the wire; a set with more is cut at its low end, which costs a resend, never a loss. */
export const packRangesMax = 16_384

/** The signed header of a handoff, as the relay stores it: a wrapped key, a certificate and two signatures. */
export const handoffHeaderBytesMax = 8 * KiB

/** A certificate with its signature. */
export const certificateBytesMax = 2 * KiB

/** A key, public key or certificate file. */
export const keyFileBytesMax = 16 * KiB

/** One chunk, whole. A larger one is left out with a reason: the application should divide it. */
export const chunkBytesMax = 64 * GiB

/** A chunk's id: a path or a key, in UTF-8 bytes. */
export const chunkIdBytesMax = 4096

/** Sources in one manifest. */
export const sourcesMax = 256

/** Chunks in one pack: the head of a pack of empty files stays under the pack's own bound. */
export const packFragmentsMax = 8192

/** Chunks that one pack names by reference; with the longest ids and origins 4 MiB would not hold them, so they are bounded by bytes as well. */
export const packReferencesMax = 1024
export const packReferenceBytesMax = 128 * KiB

/** Where a chunk is to be had: a URL, which may be a signed one. */
export const originBytesMax = 4 * KiB

/** Addresses that a peer announces; more are ignored. */
export const addressesMax = 16

/** A multiaddr in bytes. */
export const addressBytesMax = 256

/** Certificates are accepted this long before and after their time, for clocks that differ. */
export const clockSkewMs = 60_000
