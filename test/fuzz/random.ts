// The draws that mutations are made of.

import { SeededRandom } from '../helpers/seed.ts'

export class Draw extends SeededRandom {
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  chance(share: number): boolean {
    return this.next() < share
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!
  }

  /** Mostly small, at times as large as `max`. */
  length(max: number): number {
    return this.below(1 + Math.min(max, 1 << this.below(1 + Math.ceil(Math.log2(max + 1)))))
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count)
    for (let at = 0; at < count; at++) bytes[at] = this.below(256)
    return bytes
  }
}
