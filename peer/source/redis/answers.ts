// The answers to one batch of pipelined commands (RESP2, redis.io "Redis serialization protocol"), read as they arrive into one buffer and left there:
// what is known of them is where each token lies. A million keys make no million objects.

import { HeirloomError } from '../../../src/errors.ts'
import { answerReadBytes, answerTokensMax, keyedValueBytesMax } from '../../../src/limits/keyed.ts'

/** The first byte of each kind of token. `none` is a bulk string or an array that isn't there. */
export const token = { text: 0x2b, error: 0x2d, number: 0x3a, bytes: 0x24, list: 0x2a, none: 0 } as const

const cr = 0x0d
const minus = 0x2d
const headBytesMax = 64 * 1024
const firstTokens = 512

export class Answers {
  buffer: Buffer
  #filled = 0
  /** Where the next token begins. */
  #at = 0
  /** Tokens that must still come, as far as it is known. */
  #owed: number
  #kinds = new Uint8Array(firstTokens)
  /** Of bytes, texts and errors where they begin and end; of numbers and lists the number. */
  #starts = new Float64Array(firstTokens)
  #ends = new Float64Array(firstTokens)
  tokens = 0

  /** `buffer` is grown when it is too small. */
  constructor(count: number, buffer: Buffer) {
    this.#owed = count
    this.buffer = buffer
  }

  /** For the answers to another batch; those that are here are gone. */
  renew(count: number): this {
    this.#owed = count
    this.#filled = 0
    this.#at = 0
    this.tokens = 0
    return this
  }

  get isComplete(): boolean {
    return this.#owed === 0
  }

  /** Takes what arrived, as much as belongs to this batch; answers how much that was. Throws `malformed` for what is not RESP. */
  add(bytes: Uint8Array): number {
    this.#ensure(this.#filled + bytes.byteLength)
    this.buffer.set(bytes, this.#filled)
    const before = this.#filled
    this.#filled += bytes.byteLength
    while (this.#owed > 0 && this.#read());
    if (this.#owed > 0) return bytes.byteLength
    this.#filled = this.#at
    return this.#at - before
  }

  kind(index: number): number {
    return this.#kinds[index]!
  }

  number(index: number): number {
    return this.#starts[index]!
  }

  start(index: number): number {
    return this.#starts[index]!
  }

  end(index: number): number {
    return this.#ends[index]!
  }

  text(index: number): string {
    return this.buffer.toString('latin1', this.#starts[index], this.#ends[index])
  }

  /** The error at this token, if it is one. */
  errorAt(index: number): string | undefined {
    return this.#kinds[index] === token.error ? this.text(index) : undefined
  }

  /** Reads one token; false when not all of it is there. */
  #read(): boolean {
    const { buffer } = this
    const lineEnd = buffer.indexOf(cr, this.#at)
    if (lineEnd < 0 || lineEnd + 2 > this.#filled) {
      if (this.#filled - this.#at > headBytesMax) throw new HeirloomError('malformed', 'the server answered with a line without an end')
      return false
    }
    const kind = buffer[this.#at]!
    const head = this.#at + 1
    if (kind === token.bytes || kind === token.list) {
      const size = this.#integer(head, lineEnd)
      if (size < 0) this.#push(token.none, 0, 0)
      else if (kind === token.list) this.#pushList(size)
      else {
        if (size > keyedValueBytesMax + headBytesMax) throw new HeirloomError('too-large', 'the server answered with more than it may hold')
        const start = lineEnd + 2
        if (start + size + 2 > this.#filled) {
          this.#ensure(start + size + 2)
          return false
        }
        this.#push(kind, start, start + size)
        this.#at = start + size + 2
        return true
      }
    } else if (kind === token.number) this.#push(kind, this.#integer(head, lineEnd), 0)
    else if (kind === token.text || kind === token.error) this.#push(kind, head, lineEnd)
    else throw new HeirloomError('malformed', 'what answers there is not a Redis server', { hint: 'correct the url' })
    this.#at = lineEnd + 2
    return true
  }

  #pushList(size: number): void {
    if (size > answerTokensMax) throw new HeirloomError('malformed', 'the server answered with an endless list')
    this.#push(token.list, size, 0)
    this.#owed += size
  }

  #push(kind: number, start: number, end: number): void {
    if (this.tokens === this.#kinds.length) this.#growTokens()
    const index = this.tokens++
    this.#kinds[index] = kind
    this.#starts[index] = start
    this.#ends[index] = end
    this.#owed--
  }

  #integer(start: number, end: number): number {
    const { buffer } = this
    const isNegative = buffer[start] === minus
    let value = 0
    for (let at = isNegative ? start + 1 : start; at < end; at++) {
      const digit = buffer[at]! - 0x30
      if (digit < 0 || digit > 9) throw new HeirloomError('malformed', 'the server answered with a number that is none')
      value = 10 * value + digit
    }
    return isNegative ? -value : value
  }

  #growTokens(): void {
    if (this.tokens >= answerTokensMax) throw new HeirloomError('malformed', 'the server answered without end')
    const room = 2 * this.#kinds.length
    const kinds = new Uint8Array(room)
    kinds.set(this.#kinds)
    this.#kinds = kinds
    const copy = (from: Float64Array) => {
      const to = new Float64Array(room)
      to.set(from)
      return to
    }
    this.#starts = copy(this.#starts)
    this.#ends = copy(this.#ends)
  }

  #ensure(bytes: number): void {
    if (bytes <= this.buffer.byteLength) return
    const larger = Buffer.allocUnsafe(Math.max(bytes, Math.min(2 * this.buffer.byteLength, bytes + 4 * answerReadBytes)))
    larger.set(this.buffer.subarray(0, this.#filled))
    this.buffer = larger
  }
}
