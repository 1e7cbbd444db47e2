// How many misses an application may take to its origin (policy.misses): a successor that starts cold would send the database all that its
// predecessor's cache kept from it. A token bucket: what isn't used within a second's worth of `burst` is not saved up.

import type { Clock } from '../src/clock.ts'

export interface MissLimits {
  readonly perSecond: number
  /** So many at once. */
  readonly burst: number
}

export interface Grant {
  /** So many misses may go to the origin now. */
  readonly granted: number
  /** When the next one may; 0 when all that was asked for was granted. */
  readonly retryAfterMs: number
}

export class MissBudget {
  readonly #clock: Clock
  readonly #limits: MissLimits | undefined
  #tokens: number
  #atMs: number
  granted = 0
  refused = 0

  /** Without limits everything is granted. */
  constructor(clock: Clock, limits: MissLimits | undefined) {
    this.#clock = clock
    this.#limits = limits
    this.#tokens = limits?.burst ?? Infinity
    this.#atMs = clock.monotonicMs()
  }

  take(misses: number): Grant {
    const granted = this.#limits === undefined ? misses : this.#takeFrom(this.#limits, misses)
    this.granted += granted
    this.refused += misses - granted
    if (granted === misses || this.#limits === undefined) return { granted, retryAfterMs: 0 }
    return { granted, retryAfterMs: Math.ceil(((1 - this.#tokens) / this.#limits.perSecond) * 1000) }
  }

  #takeFrom({ perSecond, burst }: MissLimits, misses: number): number {
    const nowMs = this.#clock.monotonicMs()
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#atMs) / 1000) * perSecond)
    this.#atMs = nowMs
    const granted = Math.min(misses, Math.floor(this.#tokens))
    this.#tokens -= granted
    return granted
  }
}
