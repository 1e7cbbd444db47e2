// A batch of commands for a Redis server (RESP2), written one after the other into one buffer.

import { copyBytes } from '../keyed/records.ts'

const cr = 0x0d
const lf = 0x0a
const star = 0x2a
const dollar = 0x24
/** Digits of a number, and what stands around it. */
const numberBytes = 20

export class Commands {
  #buffer: Buffer
  #at = 0
  /** Commands so far: so many answers will come. */
  count = 0

  constructor(bytes = 4096) {
    this.#buffer = Buffer.allocUnsafe(bytes)
  }

  get bytes(): number {
    return this.#at
  }

  /** What fits without taking more memory. */
  get room(): number {
    return this.#buffer.byteLength
  }

  /** For another batch; nobody may read any more what was taken. */
  renew(): this {
    this.#at = 0
    this.count = 0
    return this
  }

  /** A command of ASCII words. */
  add(...words: readonly (string | number)[]): this {
    this.begin(words.length)
    for (const word of words) this.word(String(word))
    return this
  }

  /** Begins a command of so many words. */
  begin(words: number): void {
    this.#ensure(numberBytes)
    this.#head(star, words)
    this.count++
  }

  /** An ASCII word. */
  word(text: string): void {
    this.#ensure(text.length + 2 * numberBytes)
    this.#head(dollar, text.length)
    for (let index = 0; index < text.length; index++) this.#buffer[this.#at++] = text.charCodeAt(index)
    this.#lineEnd()
  }

  /** A word of any bytes. */
  raw(source: Uint8Array, start = 0, end = source.byteLength): void {
    this.#ensure(end - start + 2 * numberBytes)
    this.#head(dollar, end - start)
    this.#at = copyBytes(source, start, end, this.#buffer, this.#at)
    this.#lineEnd()
  }

  /** What was written: a view. */
  take(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  #head(kind: number, number: number): void {
    const buffer = this.#buffer
    buffer[this.#at++] = kind
    let scale = 1
    while (scale * 10 <= number) scale *= 10
    for (let rest = number; scale >= 1; scale = Math.floor(scale / 10)) {
      const digit = Math.floor(rest / scale)
      buffer[this.#at++] = 0x30 + digit
      rest -= digit * scale
      if (scale === 1) break
    }
    this.#lineEnd()
  }

  #lineEnd(): void {
    this.#buffer[this.#at++] = cr
    this.#buffer[this.#at++] = lf
  }

  #ensure(bytes: number): void {
    const least = this.#at + bytes
    if (least <= this.#buffer.byteLength) return
    const larger = Buffer.allocUnsafe(Math.max(least, 2 * this.#buffer.byteLength))
    larger.set(this.#buffer.subarray(0, this.#at))
    this.#buffer = larger
  }
}
