// Reads the fields of a proto3 message one by one, for the few messages that come by the hundred thousand: nothing is allocated but what the
// caller asks for. All other messages go through message.ts; what the two accept and what they read is the same (test/property/fields.test.ts).
//
// Invariant: nothing outside the window is read; whatever bytes it is given, it throws nothing but `malformed` (and `too-large`, for text).

import { HeirloomError } from '../errors.ts'

/** The wire types, as a tag's three lowest bits have them. */
export const wireType = { varint: 0, bit64: 1, bytes: 2, group: 3, groupEnd: 4, bit32: 5 } as const

const varintBytesMax = 10
const groupsDeepMax = 100
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class FieldReader {
  readonly #what: string
  readonly #bytes: Buffer
  readonly #view: DataView
  #at: number
  #end: number

  /** `what` names the message in errors. The window is all of the bytes at first. */
  constructor(bytes: Uint8Array, what: string) {
    this.#what = what
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = 0
    this.#end = bytes.byteLength
  }

  /** Where the next field begins. */
  get at(): number {
    return this.#at
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end
  }

  /** Reads on at `at`, up to `end`; both lie within the bytes. */
  window(at: number, end: number): void {
    this.#at = at
    this.#end = end
  }

  /** Reads on within the part that follows (its length comes first); answers where the window ended, for `leave`. */
  enter(): number {
    const end = this.#end
    this.#end = this.#spanEnd()
    return end
  }

  /** The part that was entered is read to its end. */
  leave(end: number): void {
    this.#end = end
  }

  /** A field's number and wire type: `number << 3 | type`. */
  tag(): number {
    const first = this.#byte()
    // One byte, a number of 1 or more, a type of 5 or less.
    if (first < 0x80 && first > 7 && (first & 7) <= 5) return first
    this.#at--
    return this.#longTag()
  }

  /** The lowest 32 bits of a varint. */
  uint32(): number {
    let value = 0
    for (let count = 0; count < varintBytesMax; count++) {
      const byte = this.#byte()
      if (count < 5) value |= (byte & 0x7f) << (7 * count)
      if (byte < 0x80) return value >>> 0
    }
    throw this.#malformed()
  }

  /** A varint of 64 bits: exact up to 2 ** 53, and no less than that for what is larger. */
  uint64(): number {
    let value = 0
    let factor = 1
    for (let count = 0; count < varintBytesMax; count++) {
      const byte = this.#byte()
      // Of the tenth byte one bit belongs to the number.
      value += (byte & (count === varintBytesMax - 1 ? 1 : 0x7f)) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
    throw this.#malformed()
  }

  /** A zigzag varint of 64 bits: exact between -(2 ** 52) and 2 ** 52, and no nearer to zero for what is beyond. */
  sint64(): number {
    const value = this.uint64()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  bool(): boolean {
    return this.uint64() !== 0
  }

  double(): number {
    if (this.#end - this.#at < 8) throw this.#malformed()
    this.#at += 8
    return this.#view.getFloat64(this.#at - 8, true)
  }

  /** A view of bytes. */
  bytes(): Uint8Array {
    const end = this.#spanEnd()
    const { buffer, byteOffset } = this.#bytes
    const view = new Uint8Array(buffer, byteOffset + this.#at, end - this.#at)
    this.#at = end
    return view
  }

  /** UTF-8; throws `too-large` for more than `bytesMax` bytes. */
  text(bytesMax: number): string {
    const end = this.#spanEnd()
    const start = this.#at
    if (end - start > bytesMax) throw new HeirloomError('too-large', `a text of ${this.#what} is too long`)
    this.#at = end
    const bytes = this.#bytes
    for (let at = start; at < end; at++) if (bytes[at]! >= 0x80) return this.#decode(bytes.subarray(start, end))
    return bytes.toString('latin1', start, end)
  }

  /** Text if it is UTF-8, else a view of its bytes. */
  textOrBytes(): string | Uint8Array {
    const at = this.#at
    try {
      return this.text(Infinity)
    } catch (thrown) {
      if (!(thrown instanceof HeirloomError && thrown.cause !== undefined)) throw thrown
      this.#at = at
      return this.bytes()
    }
  }

  /** Passes over a field that isn't known. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case wireType.varint:
        while (this.#byte() >= 0x80);
        return
      case wireType.bit64:
        return this.#advance(8)
      case wireType.bit32:
        return this.#advance(4)
      case wireType.bytes:
        this.#at = this.#spanEnd()
        return
      case wireType.group:
        return this.#skipGroup(tag, depth)
      default:
        throw this.#malformed()
    }
  }

  /** The error for a field that can't be what it should be. */
  wrongType(): HeirloomError {
    return new HeirloomError('malformed', `a field of ${this.#what} has the wrong wire type`)
  }

  #skipGroup(tag: number, depth: number): void {
    if (depth >= groupsDeepMax) throw this.#malformed()
    for (let inner = this.tag(); inner !== (tag & ~7) + wireType.groupEnd; inner = this.tag()) this.skip(inner, depth + 1)
  }

  #longTag(): number {
    const start = this.#at
    const tag = this.uint32()
    const length = this.#at - start
    const isTooLong = length > 5 || (length === 5 && this.#bytes[this.#at - 1]! > 0x0f)
    if (isTooLong || tag >>> 3 === 0 || (tag & 7) > 5) throw this.#malformed()
    return tag
  }

  #spanEnd(): number {
    const length = this.uint32()
    if (length > this.#end - this.#at) throw new HeirloomError('malformed', `a field of ${this.#what} is longer than what it is a part of`)
    return this.#at + length
  }

  #byte(): number {
    if (this.#at >= this.#end) throw this.#malformed()
    return this.#bytes[this.#at++]!
  }

  #advance(bytes: number): void {
    if (bytes > this.#end - this.#at) throw this.#malformed()
    this.#at += bytes
  }

  #decode(bytes: Uint8Array): string {
    try {
      return utf8.decode(bytes)
    } catch (thrown) {
      throw new HeirloomError('malformed', `a text of ${this.#what} is not UTF-8`, { cause: thrown })
    }
  }

  #malformed(): HeirloomError {
    return new HeirloomError('malformed', `${this.#what} does not decode`)
  }
}
