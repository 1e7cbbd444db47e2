// The answers to a batch of memcached's meta commands (memcached's doc/protocol.txt), which ends with `mn`: read as they arrive into one buffer and left
// there. What is known of them is where each lies: a million items make no million objects.

import { HeirloomError } from '../../../src/errors.ts'
import { answerReadBytes, keyedValueBytesMax } from '../../../src/limits/keyed.ts'

const lf = 0x0a
const space = 0x20
const minus = 0x2d
const lineBytesMax = 8192
const firstBytes = 128 * 1024
const firstAnswers = 512

/** The first two letters of a line. */
const letters = (text: string): number => text.charCodeAt(0) * 256 + text.charCodeAt(1)
const value = letters('VA')
const stored = letters('HD')
const end = letters('MN')

export class MetaAnswers {
  buffer = Buffer.allocUnsafe(firstBytes)
  isComplete = false
  count = 0
  #filled = 0
  #at = 0
  #codes = new Uint16Array(firstAnswers)
  /** Where the value lies, of other answers the line. */
  #starts = new Uint32Array(firstAnswers)
  #ends = new Uint32Array(firstAnswers)
  #flags = new Uint32Array(firstAnswers)
  #leftS = new Int32Array(firstAnswers)

  /** For the answers to another batch; those that are here are gone. */
  renew(): this {
    this.isComplete = false
    this.count = 0
    this.#filled = 0
    this.#at = 0
    return this
  }

  /** Takes what arrived, as much as belongs to this batch; answers how much that was. Throws `malformed` for what no memcached says. */
  add(bytes: Uint8Array): number {
    this.#ensure(this.#filled + bytes.byteLength)
    this.buffer.set(bytes, this.#filled)
    const before = this.#filled
    this.#filled += bytes.byteLength
    while (!this.isComplete && this.#read());
    if (!this.isComplete) return bytes.byteLength
    this.#filled = this.#at
    return this.#at - before
  }

  isValue(index: number): boolean {
    return this.#codes[index] === value
  }

  isStored(index: number): boolean {
    return this.#codes[index] === stored
  }

  /** The line of an answer without a value. */
  said(index: number): string {
    return this.isValue(index) ? 'VA' : this.buffer.toString('latin1', this.#starts[index], this.#ends[index])
  }

  /** Where the value begins, if there is one. */
  start(index: number): number {
    return this.#starts[index]!
  }

  end(index: number): number {
    return this.#ends[index]!
  }

  /** The client's. */
  flags(index: number): number {
    return this.#flags[index]!
  }

  /** The time that is left in s; -1: for ever. */
  leftS(index: number): number {
    return this.#leftS[index]!
  }

  #read(): boolean {
    const { buffer } = this
    const start = this.#at
    const lineEnd = buffer.indexOf(lf, start)
    if (lineEnd < 0 || lineEnd >= this.#filled) {
      if (this.#filled - start > lineBytesMax) throw new HeirloomError('malformed', 'the server answered with a line without an end')
      return false
    }
    const code = lineEnd - start < 3 ? 0 : buffer[start]! * 256 + buffer[start + 1]!
    if (code === value && buffer[start + 2] === space) return this.#readValue(start + 3, lineEnd)
    this.#at = lineEnd + 1
    if (code === end && lineEnd === start + 3) this.isComplete = true
    else this.#push(code, start, lineEnd - 1)
    return true
  }

  /** `VA bytes fFLAGS tSECONDS`, then the value. */
  #readValue(at: number, lineEnd: number): boolean {
    const bytes = this.#integer(at, lineEnd)
    if (!(bytes >= 0) || bytes > keyedValueBytesMax) throw new HeirloomError('malformed', 'the server answered with a value of no size')
    const start = lineEnd + 1
    const next = start + bytes + 2
    if (next > this.#filled) {
      this.#ensure(next)
      return false
    }
    this.#push(value, start, start + bytes)
    const index = this.count - 1
    const { buffer } = this
    for (let word = at; word < lineEnd; word++) {
      if (buffer[word] !== space) continue
      const letter = buffer[word + 1]
      if (letter === 0x66) this.#flags[index] = this.#integer(word + 2, lineEnd)
      else if (letter === 0x74) this.#leftS[index] = this.#integer(word + 2, lineEnd)
    }
    this.#at = next
    return true
  }

  /** Up to a space or the end of the line; NaN for what is no number. */
  #integer(start: number, lineEnd: number): number {
    const { buffer } = this
    const isNegative = buffer[start] === minus
    let number = 0
    let at = isNegative ? start + 1 : start
    const first = at
    for (; at < lineEnd && buffer[at]! > space; at++) {
      const digit = buffer[at]! - 0x30
      if (digit < 0 || digit > 9) return NaN
      number = 10 * number + digit
    }
    if (at === first) return NaN
    return isNegative ? -number : number
  }

  #push(code: number, start: number, end: number): void {
    if (this.count === this.#codes.length) this.#grow()
    const index = this.count++
    this.#codes[index] = code
    this.#starts[index] = start
    this.#ends[index] = end
    this.#flags[index] = 0
    this.#leftS[index] = -1
  }

  #grow(): void {
    const larger = <Column extends Uint16Array | Uint32Array | Int32Array>(from: Column, to: Column): Column => {
      to.set(from)
      return to
    }
    const room = 2 * this.#codes.length
    this.#codes = larger(this.#codes, new Uint16Array(room))
    this.#starts = larger(this.#starts, new Uint32Array(room))
    this.#ends = larger(this.#ends, new Uint32Array(room))
    this.#flags = larger(this.#flags, new Uint32Array(room))
    this.#leftS = larger(this.#leftS, new Int32Array(room))
  }

  #ensure(bytes: number): void {
    if (bytes <= this.buffer.byteLength) return
    const larger = Buffer.allocUnsafe(Math.max(bytes, Math.min(2 * this.buffer.byteLength, bytes + 4 * answerReadBytes)))
    larger.set(this.buffer.subarray(0, this.#filled))
    this.buffer = larger
  }
}
