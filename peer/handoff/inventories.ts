// Asks all sources for their inventories, side by side, at the notice (claim 7). One that says nothing for a share of its time is heard no
// further; one that is slow, wrong or gone costs its own state only.

import type { Clock } from '../../src/clock.ts'
import type { Deadline } from '../../src/deadline.ts'
import { asHeirloomError, type HeirloomError } from '../../src/errors.ts'
import { inventoryTimeoutMs, requeriesMax } from '../../src/limits/handoff.ts'
import type { Plan } from '../../src/plan/plan.ts'
import type { EventLog } from '../events.ts'
import type { InventoryQuery, Source } from '../source/source.ts'
import { StepLimit } from '../source/step-limit.ts'

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
  #requeries = 0
  /** What the applications were told last. */
  #toldBytesPerSecond: number
  #requerying: Promise<void> = Promise.resolve()

  constructor(options: InventoriesOptions) {
    this.#options = options
    this.#pending = options.sources.length
    this.#toldBytesPerSecond = options.query.rateBytesPerSecond
  }

  /** Every source has said all that it will say. */
  get settled(): boolean {
    return this.#pending === 0
  }

  /** Never throws; ends early with the signal. */
  async take(signal: AbortSignal): Promise<void> {
    // Another deadline is another budget.
    this.#options.deadline.listen(() => void this.again(this.#toldBytesPerSecond, signal), signal)
    await Promise.all(this.#options.sources.map((source, index) => this.#takeOne(source, index, signal)))
  }

  /** The rate has changed, or the time: applications that have something left are asked for their order once more. Ends early with the signal. */
  again(rateBytesPerSecond: number, signal: AbortSignal): Promise<void> {
    const { sources, plan, deadline, query } = this.#options
    if (!this.settled || this.#requeries >= requeriesMax) return this.#requerying
    this.#requeries++
    this.#toldBytesPerSecond = rateBytesPerSecond
    const deadlineMs = Math.floor(deadline.leftMs)
    const budgetBytes = Math.floor((rateBytesPerSecond * deadlineMs) / 1000)
    const asked = { ...query, deadlineMs, rateBytesPerSecond, budgetBytes: Math.min(query.budgetBytes, budgetBytes), requery: true }
    const answers = sources.map((source, index) =>
      source.kind === 'app' && !plan.isEmpty(index) ? this.#askAgain(source, index, asked, signal) : undefined,
    )
    this.#requerying = Promise.all([this.#requerying, ...answers]).then(() => {})
    return this.#requerying
  }

  async #askAgain(source: Source, index: number, query: InventoryQuery, outer: AbortSignal): Promise<void> {
    const { plan, deadline, events, onChange } = this.#options
    const { name } = source
    using slice = deadline.slice(Math.min(inventoryTimeoutMs, query.deadlineMs / 3)).signal(outer)
    const { handoff, rateBytesPerSecond } = query
    events.emit('query', { source: name, handoff, requery: true, rateBytesPerSecond })
    try {
      const list = plan.again(index)
      for await (const batch of source.inventory(query, { signal: slice.signal })) list.add(batch)
      list.settle()
      onChange(index)
    } catch (thrown) {
      // What it said first still holds.
      if (!outer.aborted) events.emit('query-failed', { source: name, handoff, reason: asHeirloomError(thrown).message })
    }
  }

  async #takeOne(source: Source, index: number, outer: AbortSignal): Promise<void> {
    const { plan, query, clock, events, onChange, onFailed } = this.#options
    // Until the next batch, and not in all: who is still listing what he has is not cut off, and what he has told already goes meanwhile.
    using limit = new StepLimit(clock, Math.min(inventoryTimeoutMs, query.deadlineMs / 3), outer, 'the source')
    const { name } = source
    const startedMs = clock.monotonicMs()
    events.emit('query', { source: name, handoff: query.handoff })
    let chunks = 0
    try {
      for await (const batch of limit.each(source.inventory(query, { signal: limit.signal }))) {
        if (batch.length === 0) continue
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
