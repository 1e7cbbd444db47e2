// A clock that stands still until the test moves it.

import type { Clock } from '../../src/clock.ts'

export class ManualClock implements Clock {
  #wallMs: number
  #monotonicMs = 0
  #timers: { atMs: number; run: () => void }[] = []

  constructor(wallMs: number) {
    this.#wallMs = wallMs
  }

  /** Timers that have neither run nor been cancelled. */
  get waiting(): number {
    return this.#timers.length
  }

  nowMs(): number {
    return this.#wallMs
  }

  monotonicMs(): number {
    return this.#monotonicMs
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#monotonicMs + delayMs, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Lets time pass; what is due in it runs at its own time, in order. */
  advance(durationMs: number): void {
    const endMs = this.#monotonicMs + durationMs
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((other) => other !== next)
      this.#move(next.atMs)
      next.run()
    }
    this.#move(endMs)
  }

  /** The process was held up: time has passed, and what was due in it runs only now, after `first`. */
  jump(durationMs: number, first: () => void = () => {}): void {
    this.#move(this.#monotonicMs + durationMs)
    first()
    this.advance(0)
  }

  #move(atMs: number): void {
    const stepMs = Math.max(0, atMs - this.#monotonicMs)
    this.#wallMs += stepMs
    this.#monotonicMs += stepMs
  }
}
