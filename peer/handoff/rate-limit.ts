// A token bucket for `max_rate`: a tenth of a second's worth may go at once. Several may take from it: they do so in turn, and whoever doesn't take up
// his turn loses it.

import type { Clock } from '../../src/clock.ts'
import { rateTurnMs } from '../../src/limits/handoff.ts'

export class RateLimit {
  readonly #clock: Clock
  readonly #bytesPerMs: number
  /** Negative while what went out isn't paid for. */
  #credit = 0
  #atMs: number
  /** Those who wait, the first to go first. */
  readonly #line = new Set<() => void>()
  /** The first of them was told and has not asked since. */
  #isTold = false
  #isTelling = false

  constructor(clock: Clock, bytesPerSecond: number | undefined) {
    this.#clock = clock
    this.#bytesPerMs = (bytesPerSecond ?? Infinity) / 1000
    this.#atMs = clock.monotonicMs()
  }

  /** Whether so many bytes may go now, and takes them if so. Otherwise calls `again`, which tells who asks, when asking makes sense. What is urgent goes on credit. */
  allows(bytes: number, again: () => void, isUrgent = false): boolean {
    if (this.#bytesPerMs === Infinity) return true
    const nowMs = this.#clock.monotonicMs()
    this.#credit = Math.min(this.#bytesPerMs * 100, this.#credit + (nowMs - this.#atMs) * this.#bytesPerMs)
    this.#atMs = nowMs
    const isNext = this.#line.size === 0 || this.#first === again
    if (isNext) this.#isTold = false
    const isAllowed = isUrgent || (this.#credit >= 0 && isNext)
    if (isAllowed) {
      this.#credit -= bytes
      this.#line.delete(again)
    } else this.#line.add(again)
    this.#tellLater()
    return isAllowed
  }

  get #first(): (() => void) | undefined {
    return this.#line.values().next().value
  }

  #tellLater(): void {
    if (this.#isTelling || this.#line.size === 0) return
    this.#isTelling = true
    const inMs = Math.max(this.#isTold ? rateTurnMs : 0, -this.#credit / this.#bytesPerMs)
    this.#clock.after(inMs, () => {
      this.#isTelling = false
      if (this.#isTold) this.#line.delete(this.#first!)
      const next = this.#first
      this.#isTold = next !== undefined
      next?.()
      this.#tellLater()
    })
  }
}
