// How fast packs are acknowledged, and whether that is so different from what the applications were told that they should be asked again.
// Only time with something in flight counts: a lane that has nothing to do is not slow.

import type { Clock } from '../../src/clock.ts'
import { rateChangeShare, rateWindowMs } from '../../src/limits/handoff.ts'

export class RateWatch {
  readonly #clock: Clock
  #told: number
  #sinceMs: number | undefined
  #bytes = 0

  constructor(clock: Clock, toldBytesPerSecond: number) {
    this.#clock = clock
    this.#told = toldBytesPerSecond
  }

  /** Something is in flight. */
  began(): void {
    this.#sinceMs ??= this.#clock.monotonicMs()
  }

  /** Bytes were acknowledged; answers the new rate when it differs by more than a quarter from what was told. */
  acknowledged(bytes: number, isMoreInFlight: boolean): number | undefined {
    const sinceMs = this.#sinceMs
    if (sinceMs === undefined) return undefined
    this.#bytes += bytes
    const tookMs = this.#clock.monotonicMs() - sinceMs
    const rate = tookMs < rateWindowMs ? undefined : Math.round((this.#bytes / tookMs) * 1000)
    if (rate !== undefined || !isMoreInFlight) {
      this.#sinceMs = isMoreInFlight ? this.#clock.monotonicMs() : undefined
      this.#bytes = 0
    }
    if (rate === undefined || rate <= 0 || Math.abs(rate - this.#told) <= rateChangeShare * this.#told) return undefined
    return (this.#told = rate)
  }
}
