// What a policy allows a handoff in all: how fast, and how many bytes. Handoffs of the parts of one state share it, and what is measured of it.

import type { Clock } from '../../src/clock.ts'
import { feedAheadBytes } from '../../src/limits/handoff.ts'
import { packBytesTarget } from '../../src/limits/wire.ts'
import { budgetOf, type HandoffOptions } from './options.ts'
import { RateLimit } from './rate-limit.ts'
import { RateWatch } from './rate-watch.ts'

export class Allowance {
  /** How many handoffs share it. */
  readonly sharers: number
  readonly rate: RateLimit
  readonly rateWatch: RateWatch
  readonly #bytesMax: number | undefined
  /** Of all packs that were made; of those that are being made what goes into them. */
  #bytes = 0

  constructor(options: Pick<HandoffOptions, 'deadlineMs' | 'limits'> & { readonly clock: Clock }, sharers = 1) {
    const { clock, limits } = options
    this.sharers = sharers
    this.rate = new RateLimit(clock, limits.rateBytesPerSecondMax)
    this.rateWatch = new RateWatch(clock, budgetOf(options).rateBytesPerSecond)
    this.#bytesMax = limits.bytesMax
  }

  /** What each may read ahead of its lanes, of one source. */
  get aheadBytes(): number {
    return Math.max(packBytesTarget, feedAheadBytes / this.sharers)
  }

  /** A pack of so many bytes is going to be made. */
  take(bytes: number): void {
    this.#bytes += bytes
  }

  /** It was made, and has so many. */
  made(takenBytes: number, packBytes: number): void {
    this.#bytes += packBytes - takenBytes
  }

  /** Another pack could be more than is allowed. */
  get isUsedUp(): boolean {
    return this.#bytesMax !== undefined && this.#bytes + packBytesTarget > this.#bytesMax
  }
}
