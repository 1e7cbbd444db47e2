// Where applications ask for chunks ahead of their turn (CONTRACT: POST /v1/demand). It outlives inheritances: an application starts with the
// agent, asks before anything was claimed, and may ask when all is over.
//
// Invariant: an answer comes within its bound.

import type { Clock } from '../src/clock.ts'
import { Deadline } from '../src/deadline.ts'
import type { DemandOutcome, Demands } from './inherit/demands.ts'

export interface DemandQuery {
  /** As the manifest names it. */
  readonly source: string
  readonly ids: readonly string[]
  readonly withinMs: number
}

export class DemandDesk {
  readonly #clock: Clock
  #demands: Demands | undefined
  readonly #begun = Promise.withResolvers<void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** An inheritance has begun: the newest is asked. */
  opened(demands: Demands): void {
    this.#demands = demands
    this.#begun.resolve()
  }

  /** Nothing is inherited, now or soon. */
  settle(): void {
    this.#begun.resolve()
  }

  /** Throws `busy` when too much is being waited for. */
  async ask({ source, ids, withinMs }: DemandQuery, signal: AbortSignal): Promise<DemandOutcome> {
    const deadline = Deadline.after(this.#clock, withinMs)
    if (this.#demands === undefined) {
      using patience = deadline.signal(signal)
      const over = new Promise<void>((resolve) => patience.signal.addEventListener('abort', () => resolve(), { once: true }))
      await Promise.race([this.#begun.promise, over])
      if (patience.signal.aborted) return { restored: [], absent: [], late: [...new Set(ids)] }
    }
    if (this.#demands === undefined) return { restored: [], absent: [...new Set(ids)], late: [] }
    return await this.#demands.ask(source, ids, deadline.leftMs, signal)
  }
}
