// Writes the fields of proto3 messages one by one into one buffer, for the few messages that come by the hundred thousand. The bytes are
// those that the protobuf library writes: fields in the order of their numbers, those that are zero or empty left out.

import { assert, HeirloomError } from '../errors.ts'

const firstBytes = 1024
/** A varint of 64 bits. */
const varintBytesMax = 10
/** Shorter text is copied quicker here than by a call out of JavaScript. */
const shortTextMax = 64

export class FieldWriter {
  #bytes: Buffer
  #view: DataView
  #at = 0

  /** With room for so many bytes at first; it grows. */
  constructor(bytes = firstBytes) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(bytes, firstBytes))
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** How much was written. */
  get at(): number {
    return this.#at
  }

  /** All that was written, as a view, in memory that nothing else shares. */
  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.buffer as ArrayBuffer, 0, this.#at)
  }

  /** A whole number from 0 to Number.MAX_SAFE_INTEGER. `tag` is the field's number and wire type in one byte. */
  uint(tag: number, value: number): void {
    if (value === 0) return
    assert(value > 0 && Number.isSafeInteger(value), `${value} is no number for the wire`)
    this.#ensure(1 + varintBytesMax)
    this.#bytes[this.#at++] = tag
    this.#varint(value)
  }

  /** A whole number between -(2 ** 52) and 2 ** 52, zigzag. */
  sint(tag: number, value: number): void {
    this.uint(tag, value < 0 ? -2 * value - 1 : 2 * value)
  }

  double(tag: number, value: number): void {
    // Negative zero isn't the default.
    if (Object.is(value, 0)) return
    this.#ensure(9)
    this.#bytes[this.#at++] = tag
    this.#view.setFloat64(this.#at, value, true)
    this.#at += 8
  }

  bytes(tag: number, value: Uint8Array): void {
    const length = value.byteLength
    if (length === 0) return
    this.#ensure(1 + varintBytesMax + length)
    this.#bytes[this.#at++] = tag
    this.#varint(length)
    this.#bytes.set(value, this.#at)
    this.#at += length
  }

  /** Throws `malformed` for half a surrogate pair, which UTF-8 can't carry, and `too-large` for more than `bytesMax` bytes. `what` names it then. */
  text(tag: number, value: string, what: string, bytesMax: number): void {
    const { length } = value
    if (length === 0) return
    this.#ensure(1 + varintBytesMax + 3 * length)
    if (length <= Math.min(shortTextMax, bytesMax) && this.#ascii(tag, value)) return
    const bytes = Buffer.byteLength(value)
    if (bytes > length && !value.isWellFormed())
      throw new HeirloomError('malformed', `${what} has half a surrogate pair, which UTF-8 can't carry`)
    if (bytes > bytesMax) throw new HeirloomError('too-large', `${what} is too long`)
    this.#bytes[this.#at++] = tag
    this.#varint(bytes)
    this.#at += this.#bytes.write(value, this.#at)
  }

  /** Begins a part; answers where, for `end`. */
  begin(tag: number): number {
    this.#ensure(2)
    this.#bytes[this.#at++] = tag
    // Most parts are shorter than 128 bytes, so that their length takes one.
    return ++this.#at
  }

  /** Ends the part that began there. */
  end(start: number): void {
    const length = this.#at - start
    if (length < 0x80) {
      this.#bytes[start - 1] = length
      return
    }
    this.#ensure(varintBytesMax)
    let lengthBytes = 1
    for (let rest = length; rest >= 0x80; rest >>>= 7) lengthBytes++
    this.#bytes.copyWithin(start - 1 + lengthBytes, start, this.#at)
    this.#at = start - 1
    this.#varint(length)
    this.#at += length
  }

  /** Writes text of ASCII characters only; otherwise nothing. */
  #ascii(tag: number, value: string): boolean {
    const { length } = value
    const start = this.#at + 2
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index)
      if (code >= 0x80) return false
      this.#bytes[start + index] = code
    }
    this.#bytes[this.#at] = tag
    this.#bytes[this.#at + 1] = length
    this.#at = start + length
    return true
  }

  #varint(value: number): void {
    let rest = value
    for (; rest >= 0x80; rest = rest > 0x7fffffff ? Math.floor(rest / 128) : rest >>> 7) this.#bytes[this.#at++] = (rest % 128) | 0x80
    this.#bytes[this.#at++] = rest
  }

  #ensure(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#bytes.byteLength) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.byteLength))
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}
