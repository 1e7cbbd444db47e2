// How fast packs are acknowledged, and whether that is so different from what the applications were told that they should be asked again. Handoffs that
// run side by side are measured together: what an application is told is the rate of all.

import type { Clock } from '../../src/clock.ts'
import { rateChangeShare } from '../../src/limits/handoff.ts'
import { RateMeter } from './rate-meter.ts'

/** What one handoff has in flight. Dispose it when the handoff is over. */
export interface Flow extends Disposable {
  /** Something is in flight. */
  began(): void
  acknowledged(bytes: number, isMoreInFlight: boolean): void
}

export class RateWatch {
  readonly #meter: RateMeter
  readonly #flying = new Set<Flow>()
  readonly #listeners = new Map<Flow, (bytesPerSecond: number) => void>()
  /** What was told last. */
  #told: number

  constructor(clock: Clock, toldBytesPerSecond: number) {
    this.#meter = new RateMeter(clock)
    this.#told = toldBytesPerSecond
  }

  /** `onRate` is told of every rate that differs by more than a quarter from what was told last. */
  open(onRate: (bytesPerSecond: number) => void): Flow {
    const flow: Flow = {
      began: () => {
        this.#flying.add(flow)
        this.#meter.began()
      },
      acknowledged: (bytes, isMoreInFlight) => this.#acknowledged(flow, bytes, isMoreInFlight),
      [Symbol.dispose]: () => {
        this.#listeners.delete(flow)
        this.#acknowledged(flow, 0, false)
      },
    }
    this.#listeners.set(flow, onRate)
    return flow
  }

  #acknowledged(flow: Flow, bytes: number, isMoreInFlight: boolean): void {
    if (!isMoreInFlight) this.#flying.delete(flow)
    const rate = this.#meter.acknowledged(bytes, this.#flying.size > 0)
    if (rate === undefined || rate <= 0 || Math.abs(rate - this.#told) <= rateChangeShare * this.#told) return
    this.#told = rate
    for (const onRate of this.#listeners.values()) onRate(rate)
  }
}
