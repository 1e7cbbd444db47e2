// Sealing and opening packs: AES-256-GCM, nonce = pack number (PROTOCOL.md, "Sealing").
// Invariant: a number is sealed at most once with one key, in ascending order, or the sealer throws.
//
// Large pieces go through the cipher in one call each, and what it answers is what is sent or read: it is fresh memory each time, so that copying it
// elsewhere would cost as much again. Freed as soon as nobody reads it, it is the next call's: the C library keeps it (bin/launch.js).

import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { assert, HeirloomError } from '../errors.ts'
import type { SealedPack } from '../wire/sealed-pack.ts'
import { packBytesMax, packsMax } from '../limits/wire.ts'
import { freeMemory } from '../wire/free-memory.ts'
import { expandPlain } from './compression.ts'
import { Scratch } from './scratch.ts'

const headBytes = 8
const tagBytes = 16
const version = 1
const zstdFlag = 1

/** Below this size pieces are joined before they are sealed; above it the joining costs more than the calls it saves. */
const joinBelowBytes = 64 * 1024

/** What sealing adds to a pack. */
export const sealOverheadBytes = headBytes + tagBytes

export interface PackKey {
  /** The handoff's key, 32 bytes. */
  readonly key: Uint8Array
  /** The pool's id, 32 bytes. */
  readonly pool: Uint8Array
  /** The handoff's id, 16 bytes. */
  readonly handoff: Uint8Array
}

/** What sealer and opener derive from a handoff's key, once: importing a raw key for each pack would cost more than sealing a small one. */
class PackCipher {
  readonly #key: KeyObject
  readonly #context: Uint8Array

  constructor({ key, pool, handoff }: PackKey) {
    assert(
      key.byteLength === 32 && pool.byteLength === 32 && handoff.byteLength === 16,
      'handoff key, pool id and handoff id have their sizes',
    )
    this.#key = createSecretKey(new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), 'heirloom/1 pack', 32)))
    this.#context = Buffer.concat([Buffer.from('heirloom/1 pack\0'), pool, handoff])
  }

  cipher(head: PackHeadBytes) {
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonceOf(head.number), { authTagLength: tagBytes })
    return cipher.setAAD(Buffer.concat([this.#context, head.raw]))
  }

  decipher(head: PackHeadBytes, tag: Uint8Array) {
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonceOf(head.number), { authTagLength: tagBytes })
    return decipher.setAAD(Buffer.concat([this.#context, head.raw])).setAuthTag(tag)
  }
}

function nonceOf(number: number): Uint8Array {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setUint32(8, number)
  return nonce
}

export class PackSealer {
  readonly #cipher: PackCipher
  readonly #scratch = new Scratch()
  #next = 0

  constructor(key: PackKey) {
    this.#cipher = new PackCipher(key)
  }

  /**
   * Seals the plain pieces as pack `number`, or what `compressPlain` has made of all of them in their place. They may change afterwards. Throws `too-large` for more than a pack may have, before the number is used.
   */
  seal(number: number, plain: readonly Uint8Array[], compressed?: Uint8Array): SealedPack {
    assert(number >= this.#next, `pack ${number} is sealed for the second time`)
    if (number >= packsMax) throw new HeirloomError('too-large', `a handoff has at most ${packsMax} packs`)
    const plainBytes = byteLengthOf(plain)
    if (plainBytes + sealOverheadBytes > packBytesMax) {
      throw new HeirloomError('too-large', `a pack of ${plainBytes} bytes is over the limit of ${packBytesMax - sealOverheadBytes}`)
    }
    this.#next = number + 1
    const head = makeHead(number, compressed === undefined ? 0 : zstdFlag)
    const bytes = sealOverheadBytes + (compressed?.byteLength ?? plainBytes)
    const cipher = this.#cipher.cipher(head)
    const pieces = [head.raw]
    for (const piece of this.#joined(compressed === undefined ? plain : [compressed])) pieces.push(bytesOf(cipher.update(piece)))
    cipher.final()
    pieces.push(bytesOf(cipher.getAuthTag()))
    return { number, pieces, bytes, free: () => freeMemory(pieces) }
  }

  /** Small pieces that follow one another as one, which is good until the next. */
  *#joined(plain: readonly Uint8Array[]): Generator<Uint8Array> {
    let small: Uint8Array[] = []
    for (const piece of plain) {
      if (piece.byteLength < joinBelowBytes) {
        small.push(piece)
        continue
      }
      if (small.length > 0) yield this.#scratch.join(small)
      small = []
      yield piece
    }
    if (small.length > 0) yield this.#scratch.join(small)
  }
}

/** As what it is everywhere else: a slice of a `Buffer` would be no copy. */
function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

export interface OpenedPack {
  readonly number: number
  /** In one piece. */
  readonly plain: Uint8Array
  /** Gives its memory back, once. For when nobody reads it any more; without it that takes its time. */
  free(): void
}

export class PackOpener {
  readonly #cipher: PackCipher
  readonly #scratch = new Scratch()

  constructor(key: PackKey) {
    this.#cipher = new PackCipher(key)
  }

  /**
   * The plain content in one piece. Throws `malformed` or `too-large` for what can't be a pack, `unsupported` for another version or an unknown
   * flag, and `unauthorised` when it wasn't sealed with this key for this handoff, or was altered: then nothing of it is handed out.
   */
  open(pieces: readonly Uint8Array[]): OpenedPack {
    const head = readHead(pieces)
    if ((head.flags & ~zstdFlag) !== 0 || head.reserved !== 0)
      throw new HeirloomError('unsupported', `pack ${head.number} has flags that are not known`)
    const { body, tag } = splitTag(pieces)
    const decipher = this.#cipher.decipher(head, tag)
    const plain = bytesOf(decipher.update(this.#scratch.join(body)))
    const free = () => freeMemory([plain])
    try {
      decipher.final()
    } catch (thrown) {
      free()
      throw new HeirloomError('unauthorised', `pack ${head.number} was not sealed for this handoff, or was altered`, { cause: thrown })
    }
    if ((head.flags & zstdFlag) === 0) return { number: head.number, plain, free }
    try {
      const expanded = expandPlain(plain)
      return { number: head.number, plain: expanded, free: () => freeMemory([expanded]) }
    } finally {
      free()
    }
  }
}

/** The number in a sealed pack's clear head. Throws `malformed`, `too-large` or `unsupported` for what can't be a pack of this version. */
export function packNumber(pieces: readonly Uint8Array[]): number {
  return readHead(pieces).number
}

interface PackHeadBytes {
  readonly raw: Uint8Array
  readonly flags: number
  readonly reserved: number
  readonly number: number
}

function makeHead(number: number, flags: number): PackHeadBytes {
  const raw = new Uint8Array(headBytes)
  raw[0] = version
  raw[1] = flags
  new DataView(raw.buffer).setUint32(4, number)
  return { raw, flags, reserved: 0, number }
}

function readHead(pieces: readonly Uint8Array[]): PackHeadBytes {
  const bytes = byteLengthOf(pieces)
  if (bytes < sealOverheadBytes) throw new HeirloomError('malformed', `a sealed pack of ${bytes} bytes is too short`)
  if (bytes > packBytesMax) throw new HeirloomError('too-large', `a sealed pack of ${bytes} bytes is over the limit of ${packBytesMax}`)
  const raw = new Uint8Array(headBytes)
  let filled = 0
  for (const piece of pieces) {
    if (filled === headBytes) break
    const part = piece.subarray(0, headBytes - filled)
    raw.set(part, filled)
    filled += part.byteLength
  }
  if (raw[0] !== version) throw new HeirloomError('unsupported', `a sealed pack has version ${raw[0]}`)
  const view = new DataView(raw.buffer)
  const number = view.getUint32(4)
  if (number >= packsMax) throw new HeirloomError('too-large', `pack number ${number} is not between 0 and ${packsMax - 1}`)
  return { raw, flags: raw[1]!, reserved: view.getUint16(2), number }
}

/** The pieces between head and tag, as views, and the tag. */
function splitTag(pieces: readonly Uint8Array[]): { body: Uint8Array[]; tag: Uint8Array } {
  const tagAt = byteLengthOf(pieces) - tagBytes
  const tag = new Uint8Array(tagBytes)
  const body: Uint8Array[] = []
  let at = 0
  for (const piece of pieces) {
    const from = Math.max(0, headBytes - at)
    const to = Math.min(piece.byteLength, tagAt - at)
    if (to > from) body.push(piece.subarray(from, to))
    const tagFrom = Math.max(0, tagAt - at)
    if (tagFrom < piece.byteLength) tag.set(piece.subarray(tagFrom), at + tagFrom - tagAt)
    at += piece.byteLength
  }
  return { body, tag }
}

function byteLengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
}
