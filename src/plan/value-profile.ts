// How the value of many chunks is spread over their bytes, in a few thousand buckets of like value per byte. Kept while chunks are listed, so that what
// so many bytes would be worth is known at any moment, whatever the number of chunks.

import type { Segment } from './bound.ts'

/** Bits of a single-precision number that tell buckets apart: its exponent, and five of its fraction, so that a bucket spans 3 % at most. */
const bucketShift = 18
const buckets = 0x8000_0000 >>> bucketShift

export class ValueProfile {
  readonly #number = new Float32Array(1)
  readonly #bits = new Uint32Array(this.#number.buffer)
  /** For each bucket: bytes, value, highest value per byte. Made with the first chunk. */
  #sums: Float64Array | undefined

  add(bytes: number, value: number): void {
    this.#sums ??= new Float64Array(3 * buckets)
    const density = value / Math.max(1, bytes)
    this.#number[0] = density
    const at = 3 * Math.min(buckets - 1, this.#bits[0]! >>> bucketShift)
    this.#sums[at]! += bytes
    this.#sums[at + 1]! += value
    if (density > this.#sums[at + 2]!) this.#sums[at + 2] = density
  }

  /** The buckets that have something, the highest value per byte first. */
  segments(): Segment[] {
    const segments: Segment[] = []
    const sums = this.#sums ?? []
    for (let at = sums.length - 3; at >= 0; at -= 3) {
      const [bytes, value, highest] = [sums[at]!, sums[at + 1]!, sums[at + 2]!]
      if (bytes > 0 || value > 0) segments.push({ bytes, value, highest })
    }
    return segments
  }
}
