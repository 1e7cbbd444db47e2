// How fast packs are acknowledged, and whether that is so different from what the applications were told that they should be asked again.

import type { Clock } from '../../src/clock.ts'
import { rateChangeShare } from '../../src/limits/handoff.ts'
import { RateMeter } from './rate-meter.ts'

export class RateWatch {
  readonly #meter: RateMeter
  #told: number

  constructor(clock: Clock, toldBytesPerSecond: number) {
    this.#meter = new RateMeter(clock)
    this.#told = toldBytesPerSecond
  }

  /** What was told last. */
  get toldBytesPerSecond(): number {
    return this.#told
  }

  /** Something is in flight. */
  began(): void {
    this.#meter.began()
  }

  /** Bytes were acknowledged; answers the new rate when it differs by more than a quarter from what was told. */
  acknowledged(bytes: number, isMoreInFlight: boolean): number | undefined {
    const rate = this.#meter.acknowledged(bytes, isMoreInFlight)
    if (rate === undefined || rate <= 0 || Math.abs(rate - this.#told) <= rateChangeShare * this.#told) return undefined
    return (this.#told = rate)
  }
}
