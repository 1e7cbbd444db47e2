// Asks all sources for their inventories, side by side, at the notice and within a share of its time (claim 7). A source that is slow,
// wrong or gone costs its own state only.

import type { Clock } from '../../src/clock.ts'
import type { Deadline } from '../../src/deadline.ts'
import { asHeirloomError, type HeirloomError } from '../../src/errors.ts'
import { inventoryTimeoutMs } from '../../src/limits.ts'
import type { Plan } from '../../src/plan/plan.ts'
import type { EventLog } from '../events.ts'
import type { InventoryQuery, Source } from '../source/source.ts'

export interface InventoriesOptions {
  readonly sources: readonly Source[]
  readonly plan: Plan
  readonly query: InventoryQuery
  readonly deadline: Deadline
  readonly clock: Clock
  readonly events: EventLog
  /** A source has more, or has ended its inventory. */
  readonly onChange: (index: number) => void
  readonly onFailed: (source: Source, error: HeirloomError) => void
}

export class Inventories {
  readonly #options: InventoriesOptions
  #pending: number

  constructor(options: InventoriesOptions) {
    this.#options = options
    this.#pending = options.sources.length
  }

  /** Every source has said all that it will say. */
  get settled(): boolean {
    return this.#pending === 0
  }

  /** Never throws; ends early with the signal. */
  async take(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#options.sources.map((source, index) => this.#takeOne(source, index, signal)))
  }

  async #takeOne(source: Source, index: number, outer: AbortSignal): Promise<void> {
    const { plan, query, deadline, clock, events, onChange, onFailed } = this.#options
    using slice = deadline.slice(Math.min(inventoryTimeoutMs, query.deadlineMs / 3)).signal(outer)
    const { name } = source
    const startedMs = clock.monotonicMs()
    events.emit('query', { source: name, handoff: query.handoff })
    let chunks = 0
    try {
      for await (const batch of source.inventory(query, { signal: slice.signal })) {
        plan.add(index, batch)
        chunks += batch.length
        onChange(index)
      }
      events.emit('inventory', { source: name, handoff: query.handoff, chunks, tookMs: Math.round(clock.monotonicMs() - startedMs) })
    } catch (thrown) {
      const error = asHeirloomError(thrown, 'source-failed')
      events.emit('source-failed', { source: name, handoff: query.handoff, reason: error.message })
      onFailed(source, error)
    }
    plan.settle(index)
    this.#pending--
    onChange(index)
  }
}
