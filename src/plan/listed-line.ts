// Chunks of one source that go as they were listed: the application's own order (claim 4).
//
// Against other sources a chunk counts for what it leads to: an application may put a chunk that is worth little before one that is worth much.
// So the line is seen as blocks of falling value per byte: the borders of the concave hull of its value over its bytes. Going by the
// blocks' values is the best that can be done without touching the order within the line.

import type { ChunkTable } from './chunk-table.ts'
import type { Line } from './line.ts'
import { ValueProfile } from './value-profile.ts'

export class ListedLine implements Line {
  readonly #table: ChunkTable
  #rows = new Uint32Array(16)
  #count = 0
  #next = 0
  /** For each block: where it ends, its bytes and its weight. */
  readonly #ends: number[] = []
  readonly #bytes: number[] = []
  readonly #weights: number[] = []
  /** The block that #next is in. Its border doesn't move any more once part of it is gone. */
  #block = 0

  constructor(table: ChunkTable) {
    this.#table = table
  }

  push(row: number): void {
    if (this.#count === this.#rows.length) {
      const larger = new Uint32Array(2 * this.#rows.length)
      larger.set(this.#rows)
      this.#rows = larger
    }
    this.#rows[this.#count++] = row
    let bytes = Math.max(1, this.#table.expectedBytes(row))
    let weight = this.#table.weight(row)
    const settled = this.#isBegun ? this.#block + 1 : this.#block
    while (this.#ends.length > settled && this.#weights.at(-1)! * bytes <= weight * this.#bytes.at(-1)!) {
      this.#ends.pop()
      bytes += this.#bytes.pop()!
      weight += this.#weights.pop()!
    }
    this.#ends.push(this.#count)
    this.#bytes.push(bytes)
    this.#weights.push(weight)
  }

  get isEmpty(): boolean {
    return this.#next === this.#count
  }

  peek(): number | undefined {
    return this.isEmpty ? undefined : this.#rows[this.#next]
  }

  shift(): void {
    this.#next++
    if (this.#next === this.#ends[this.#block]) this.#block++
  }

  value(): number {
    return this.#weights[this.#block]! / this.#bytes[this.#block]!
  }

  /** Of the whole line, also of what was taken. */
  profile(): ValueProfile {
    const profile = new ValueProfile()
    for (const [block, bytes] of this.#bytes.entries()) profile.add(bytes, this.#weights[block]!)
    return profile
  }

  get #isBegun(): boolean {
    return this.#block < this.#ends.length && this.#next > (this.#block === 0 ? 0 : this.#ends[this.#block - 1]!)
  }
}
