// A batch of commands for a Redis server (RESP2), written one after the other into one buffer.

import { ByteWriter } from '../keyed/byte-writer.ts'

export class Commands {
  readonly #writer: ByteWriter
  /** Commands so far: so many answers will come. */
  count = 0

  constructor(bytes = 4096) {
    this.#writer = new ByteWriter(bytes)
  }

  get bytes(): number {
    return this.#writer.bytes
  }

  /** What fits without taking more memory. */
  get room(): number {
    return this.#writer.room
  }

  /** For another batch; nobody may read any more what was taken. */
  renew(): this {
    this.#writer.renew()
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
    this.#head('*', words)
    this.count++
  }

  /** An ASCII word. */
  word(text: string): void {
    this.#head('$', text.length)
    this.#writer.text(text)
    this.#writer.text('\r\n')
  }

  /** A word of any bytes. */
  raw(source: Uint8Array, start = 0, end = source.byteLength): void {
    this.#head('$', end - start)
    this.#writer.copy(source, start, end)
    this.#writer.text('\r\n')
  }

  /** What was written: a view. */
  take(): Buffer {
    return this.#writer.take()
  }

  #head(kind: '*' | '$', number: number): void {
    this.#writer.text(kind)
    this.#writer.number(number)
    this.#writer.text('\r\n')
  }
}
