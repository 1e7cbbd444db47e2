// Lines and counted bytes from one stream, as they come: a program's answers are a line and then as many bytes as the line says.
// Invariant: no more is held than one piece of the stream and a line of at most `lineBytesMax`.

import { HeirloomError } from '../../../src/errors.ts'

const empty = new Uint8Array(0)

export class ByteReader {
  readonly #stream: AsyncIterator<Uint8Array>
  #held: Uint8Array = empty

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#stream = stream[Symbol.asyncIterator]()
  }

  /** The next line without its end; undefined at the end of the stream. Throws `malformed` for one that is too long. */
  async line(lineBytesMax: number): Promise<string | undefined> {
    const pieces: Uint8Array[] = []
    let bytes = 0
    for (;;) {
      const at = this.#held.indexOf(0x0a)
      const piece = at < 0 ? this.#held : this.#held.subarray(0, at)
      bytes += piece.byteLength
      if (bytes > lineBytesMax) throw new HeirloomError('malformed', `a line of more than ${lineBytesMax} bytes`)
      pieces.push(piece)
      if (at >= 0) {
        this.#held = this.#held.subarray(at + 1)
        return Buffer.concat(pieces).toString('utf8')
      }
      if (!(await this.#more())) return bytes === 0 ? undefined : Buffer.concat(pieces).toString('utf8')
    }
  }

  /** The next bytes, as many as are there, at most `bytesMax`; undefined at the end of the stream. */
  async some(bytesMax: number): Promise<Uint8Array | undefined> {
    while (this.#held.byteLength === 0) if (!(await this.#more())) return undefined
    const piece = this.#held.subarray(0, bytesMax)
    this.#held = this.#held.subarray(piece.byteLength)
    return piece
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#stream.next()
    this.#held = done === true ? empty : value
    return done !== true
  }
}
