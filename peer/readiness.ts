// When a successor counts as warm (policy.ready_at): a share of the expected reads is restored, or the time is over, or there is
// nothing to inherit. Once ready it stays so.

import type { Clock } from '../src/clock.ts'

export interface ReadyAt {
  readonly hitMass: number
  readonly orAfterMs: number
}

export class Readiness {
  readonly #clock: Clock
  readonly #readyAt: ReadyAt
  readonly #startedMs: number
  readonly #onReady: (why: string) => void
  #why: string | undefined

  constructor(clock: Clock, readyAt: ReadyAt, onReady: (why: string) => void) {
    this.#clock = clock
    this.#readyAt = readyAt
    this.#startedMs = clock.monotonicMs()
    this.#onReady = onReady
  }

  /** Why it is ready, or undefined. */
  get why(): string | undefined {
    if (this.#why === undefined && this.#clock.monotonicMs() - this.#startedMs >= this.#readyAt.orAfterMs) this.settle('the time is over')
    return this.#why
  }

  /** So much of the expected reads is restored, from 0 to 1. */
  restored(hitMass: number): void {
    if (hitMass >= this.#readyAt.hitMass) this.settle(`${Math.round(hitMass * 100)} % of the expected reads are restored`)
  }

  settle(why: string): void {
    if (this.#why !== undefined) return
    this.#why = why
    this.#onReady(why)
  }
}
