// Bytes written one after the other into one buffer, which grows and is used again.

import { copyBytes } from './records.ts'

/** Digits of the largest whole number. */
const digitsMax = 16

export class ByteWriter {
  #buffer: Buffer
  #at = 0

  constructor(bytes: number) {
    this.#buffer = Buffer.allocUnsafe(bytes)
  }

  /** So much was written. */
  get bytes(): number {
    return this.#at
  }

  /** So much can be, without taking more memory. */
  get room(): number {
    return this.#buffer.byteLength
  }

  /** Begins anew; nobody may read any more what was taken. */
  renew(): void {
    this.#at = 0
  }

  /** What was written: a view. */
  take(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  /** ASCII. */
  text(text: string): void {
    this.#ensure(text.length)
    const buffer = this.#buffer
    let at = this.#at
    for (let index = 0; index < text.length; index++) buffer[at++] = text.charCodeAt(index)
    this.#at = at
  }

  copy(source: Uint8Array, start: number, end: number): void {
    this.#ensure(end - start)
    this.#at = copyBytes(source, start, end, this.#buffer, this.#at)
  }

  /** A whole number from 0, in decimal digits. */
  number(number: number): void {
    this.#ensure(digitsMax)
    const buffer = this.#buffer
    let digits = 1
    for (let scale = 10; scale <= number; scale *= 10) digits++
    this.#at += digits
    let rest = number
    for (let at = this.#at - 1; at >= this.#at - digits; at--) {
      const tenth = Math.floor(rest / 10)
      buffer[at] = 0x30 + rest - 10 * tenth
      rest = tenth
    }
  }

  #ensure(bytes: number): void {
    const least = this.#at + bytes
    if (least <= this.#buffer.byteLength) return
    const larger = Buffer.allocUnsafe(Math.max(least, 2 * this.#buffer.byteLength))
    larger.set(this.#buffer.subarray(0, this.#at))
    this.#buffer = larger
  }
}
