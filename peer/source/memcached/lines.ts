// Answers that are lines up to `END`: those of `stats`, and the list of all keys, which is too long to be kept.

import { HeirloomError } from '../../../src/errors.ts'

const lf = 0x0a
const cr = 0x0d
const lineBytesMax = 8192
/** `END`. */
const end = [0x45, 0x4e, 0x44] as const

export interface Line {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
}

export class LinesAnswer {
  readonly #onLine: (line: Line) => void
  /** The beginning of a line whose end has not come yet. */
  #rest: Buffer = Buffer.alloc(0)
  isComplete = false
  /** What the server says when it doesn't answer. */
  error: string | undefined

  constructor(onLine: (line: Line) => void) {
    this.#onLine = onLine
  }

  /** Takes what arrived, as much as belongs to this answer; answers how much that was. */
  add(bytes: Uint8Array): number {
    const before = this.#rest.byteLength
    const all = before === 0 ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : Buffer.concat([this.#rest, bytes])
    const line = { bytes: all, start: 0, end: 0 }
    for (let at = 0; at < all.byteLength && !this.isComplete; at++) {
      if (all[at] !== lf) continue
      line.end = all[at - 1] === cr ? at - 1 : at
      this.#take(line)
      line.start = at + 1
    }
    if (this.isComplete) return line.start - before
    // What arrived is the caller's again.
    this.#rest = Buffer.from(all.subarray(line.start))
    if (this.#rest.byteLength > lineBytesMax) throw new HeirloomError('malformed', 'the server answered with a line without an end')
    return bytes.byteLength
  }

  #take(line: Line): void {
    const { bytes, start } = line
    // Of what isn't an error no line begins so, but for `END` and names of statistics.
    if (bytes[start]! >= 0x41 && bytes[start]! <= 0x5a && this.#isLast(line)) this.isComplete = true
    else this.#onLine(line)
  }

  #isLast({ bytes, start, end: lineEnd }: Line): boolean {
    if (lineEnd - start === end.length && end.every((byte, index) => bytes[start + index] === byte)) return true
    if (!/^(ERROR|CLIENT_ERROR|SERVER_ERROR|BUSY)\b/.test(bytes.toString('latin1', start, Math.min(lineEnd, start + 16)))) return false
    this.error = bytes.toString('latin1', start, lineEnd)
    return true
  }
}
