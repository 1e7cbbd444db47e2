// How fast what is in flight is acknowledged. Only time with something in flight counts: a lane that has nothing to do is not slow.

import type { Clock } from '../../src/clock.ts'
import { rateWindowMs } from '../../src/limits/handoff.ts'

export class RateMeter {
  readonly #clock: Clock
  #sinceMs: number | undefined
  #bytes = 0
  #measured: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** As measured last, or less when nothing has come since; undefined before there was time enough to tell. */
  get bytesPerSecond(): number | undefined {
    const tookMs = this.#tookMs
    const since = tookMs < rateWindowMs ? undefined : Math.round((this.#bytes / tookMs) * 1000)
    return since === undefined ? this.#measured : Math.min(since, this.#measured ?? since)
  }

  /** Something is in flight. */
  began(): void {
    this.#sinceMs ??= this.#clock.monotonicMs()
  }

  /** Bytes were acknowledged; answers the rate when there was time enough to measure it anew. */
  acknowledged(bytes: number, isMoreInFlight: boolean): number | undefined {
    if (this.#sinceMs === undefined) return undefined
    this.#bytes += bytes
    const tookMs = this.#tookMs
    const rate = tookMs < rateWindowMs ? undefined : Math.round((this.#bytes / tookMs) * 1000)
    if (rate !== undefined || !isMoreInFlight) {
      this.#sinceMs = isMoreInFlight ? this.#clock.monotonicMs() : undefined
      this.#bytes = 0
    }
    if (rate !== undefined) this.#measured = rate
    return rate
  }

  get #tookMs(): number {
    return this.#sinceMs === undefined ? 0 : this.#clock.monotonicMs() - this.#sinceMs
  }
}
