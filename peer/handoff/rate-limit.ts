// A token bucket for `max_rate`: a tenth of a second's worth may go at once. Several may take from it: they do so in turn.

import type { Clock } from '../../src/clock.ts'

export class RateLimit {
  readonly #clock: Clock
  readonly #bytesPerMs: number
  /** Negative while what went out isn't paid for. */
  #credit = 0
  #atMs: number
  readonly #waiting = new Set<() => void>()

  constructor(clock: Clock, bytesPerSecond: number | undefined) {
    this.#clock = clock
    this.#bytesPerMs = (bytesPerSecond ?? Infinity) / 1000
    this.#atMs = clock.monotonicMs()
  }

  /** Whether so many bytes may go now, and takes them if so. Otherwise calls `again` once, however often it was given, when asking makes sense. What is urgent goes on credit. */
  allows(bytes: number, again: () => void, isUrgent = false): boolean {
    if (this.#bytesPerMs === Infinity) return true
    const nowMs = this.#clock.monotonicMs()
    this.#credit = Math.min(this.#bytesPerMs * 100, this.#credit + (nowMs - this.#atMs) * this.#bytesPerMs)
    this.#atMs = nowMs
    if (this.#credit >= 0 || isUrgent) {
      this.#credit -= bytes
      return true
    }
    if (this.#waiting.size === 0) this.#clock.after(-this.#credit / this.#bytesPerMs, () => this.#wake())
    this.#waiting.add(again)
    return false
  }
  /** Whoever goes first now waits behind the others the next time. */
  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const again of waiting) again()
  }
}
