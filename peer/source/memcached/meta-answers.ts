// The answers to a batch of memcached's meta commands (memcached's doc/protocol.txt), which ends with `mn`: read as they arrive into one buffer and left
// there.

import { HeirloomError } from '../../../src/errors.ts'
import { answerReadBytes, keyedValueBytesMax } from '../../../src/limits/keyed.ts'

const lf = 0x0a
const lineBytesMax = 8192
const firstBytes = 128 * 1024

export type MetaAnswer = {
  /** `VA`, `EN`, `HD`, `NS`; or the whole line of an error. */
  readonly said: string
  /** Where the value lies, if there is one. */
  readonly start: number
  readonly end: number
  /** The client's flags, and the time that is left in s; -1: for ever. */
  readonly flags: number
  readonly leftS: number
}

export class MetaAnswers {
  buffer = Buffer.allocUnsafe(firstBytes)
  readonly answers: MetaAnswer[] = []
  isComplete = false
  #filled = 0
  #at = 0

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

  #read(): boolean {
    const lineEnd = this.buffer.indexOf(lf, this.#at)
    if (lineEnd < 0 || lineEnd >= this.#filled) {
      if (this.#filled - this.#at > lineBytesMax) throw new HeirloomError('malformed', 'the server answered with a line without an end')
      return false
    }
    const line = this.buffer.toString('latin1', this.#at, lineEnd - 1)
    if (line.startsWith('VA ')) return this.#readValue(line.split(' '), lineEnd + 1)
    this.#at = lineEnd + 1
    if (line === 'MN') this.isComplete = true
    else this.answers.push({ said: line.startsWith('HD') ? 'HD' : line, start: 0, end: 0, flags: 0, leftS: -1 })
    return true
  }

  /** `VA bytes fFLAGS tSECONDS`, then the value. */
  #readValue([, length = '', ...words]: readonly string[], start: number): boolean {
    const bytes = Number(length)
    if (!Number.isSafeInteger(bytes) || bytes > keyedValueBytesMax)
      throw new HeirloomError('malformed', 'the server answered with a value of no size')
    const next = start + bytes + 2
    if (next > this.#filled) {
      this.#ensure(next)
      return false
    }
    const number = (letter: string, absent: number) => Number(words.find((word) => word.startsWith(letter))?.slice(1) ?? absent)
    this.answers.push({ said: 'VA', start, end: start + bytes, flags: number('f', 0), leftS: number('t', -1) })
    this.#at = next
    return true
  }

  #ensure(bytes: number): void {
    if (bytes <= this.buffer.byteLength) return
    const larger = Buffer.allocUnsafe(Math.max(bytes, Math.min(2 * this.buffer.byteLength, bytes + 4 * answerReadBytes)))
    larger.set(this.buffer.subarray(0, this.#filled))
    this.buffer = larger
  }
}
