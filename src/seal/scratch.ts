// One buffer for joining pieces before one call of a cipher or compressor: that is faster than a call a piece, and than fresh memory each time.
// What was joined is good until the next join.

import { assert } from '../errors.ts'
import { packBytesMax } from '../limits/wire.ts'

const firstBytes = 64 * 1024

export class Scratch {
  /** Taken with the first join that needs it: many sockets have one of these, and what they check is in one piece. */
  #buffer = new Uint8Array(0)

  /** The pieces one after the other: the piece itself if it is the only one, else in this buffer. At most packBytesMax bytes. */
  join(pieces: readonly Uint8Array[]): Uint8Array {
    if (pieces.length === 1) return pieces[0]!
    const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
    assert(bytes <= packBytesMax, 'what is joined is no larger than a pack')
    if (bytes > this.#buffer.byteLength) {
      this.#buffer = new Uint8Array(Math.min(packBytesMax, Math.max(bytes, firstBytes, 2 * this.#buffer.byteLength)))
    }
    let at = 0
    for (const piece of pieces) {
      this.#buffer.set(piece, at)
      at += piece.byteLength
    }
    return this.#buffer.subarray(0, at)
  }
}
