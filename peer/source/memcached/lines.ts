// Answers that are lines up to `END`: those of `stats`, and the list of all keys, which is too long to be kept.

import { HeirloomError } from '../../../src/errors.ts'

const lf = 0x0a
const cr = 0x0d
const lineBytesMax = 8192
const endLines: ReadonlySet<string> = new Set(['END'])

export interface Line {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
}

export class LinesAnswer {
  readonly #onLine: (line: Line) => void
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
    const all = Buffer.concat([this.#rest, bytes])
    let at = 0
    while (!this.isComplete) {
      const lineEnd = all.indexOf(lf, at)
      if (lineEnd < 0) break
      this.#take({ bytes: all, start: at, end: all[lineEnd - 1] === cr ? lineEnd - 1 : lineEnd })
      at = lineEnd + 1
    }
    if (this.isComplete) return at - before
    this.#rest = all.subarray(at)
    if (this.#rest.byteLength > lineBytesMax) throw new HeirloomError('malformed', 'the server answered with a line without an end')
    return bytes.byteLength
  }

  #take(line: Line): void {
    const { bytes, start, end } = line
    if (end - start <= 3 && endLines.has(bytes.toString('latin1', start, end))) this.isComplete = true
    else if (/^(ERROR|CLIENT_ERROR|SERVER_ERROR|BUSY)\b/.test(bytes.toString('latin1', start, Math.min(end, start + 16)))) {
      this.error = bytes.toString('latin1', start, end)
      this.isComplete = true
    } else this.#onLine(line)
  }
}
