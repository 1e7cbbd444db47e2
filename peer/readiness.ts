// When a successor counts as warm (policy.ready_at): a share of the expected reads is restored, or of certain sources, or the time is over, or
// there is nothing to inherit. Once ready it stays so.

import type { Clock } from '../src/clock.ts'

export interface ReadyAt {
  /** Of all sources together. Undefined: only what `sources` says counts. */
  readonly hitMass: number | undefined
  /** By source: the share of its expected reads. All of them must be reached. */
  readonly sources: Readonly<Record<string, number>>
  readonly orAfterMs: number
}

/** Shares of the expected reads that are restored, from 0 to 1. */
export interface Warmth {
  readonly hitMass: number
  readonly bySource: ReadonlyMap<string, number>
}

export class Readiness implements Disposable {
  readonly #readyAt: ReadyAt
  readonly #onReady: (why: string) => void
  readonly #cancel: () => void
  #why: string | undefined

  constructor(clock: Clock, readyAt: ReadyAt, onReady: (why: string) => void) {
    this.#readyAt = readyAt
    this.#onReady = onReady
    // Whoever is told when it is ready, such as systemd, doesn't ask.
    this.#cancel = clock.after(readyAt.orAfterMs, () => this.settle('the time is over'))
  }

  /** Why it is ready, or undefined. */
  get why(): string | undefined {
    return this.#why
  }

  restored({ hitMass, bySource }: Warmth): void {
    const wanted = Object.entries(this.#readyAt.sources)
    if (hitMass < (this.#readyAt.hitMass ?? 0) || wanted.some(([source, share]) => (bySource.get(source) ?? 0) < share)) return
    const named = wanted.map(([source]) => `${Math.round(100 * bySource.get(source)!)} % of ${source}`)
    const shares = this.#readyAt.hitMass === undefined ? named : [`${Math.round(hitMass * 100)} %`, ...named]
    this.settle(`${shares.join(', ')} of the expected reads are restored`)
  }

  settle(why: string): void {
    if (this.#why !== undefined) return
    this.#why = why
    this.#cancel()
    this.#onReady(why)
  }

  [Symbol.dispose](): void {
    this.#cancel()
  }
}
