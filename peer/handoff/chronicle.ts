// What happens in one handoff that its receipt will tell, beside what the plan, the ledger and the dispatcher know themselves.

import type { Clock } from '../../src/clock.ts'
import { asHeirloomError, type HeirloomError } from '../../src/errors.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import type { ChannelCapacity } from '../../src/plan/channels.ts'
import type { EventLog } from '../events.ts'
import { summarize, type Summary, type SummaryInput } from './account.ts'

type Told = 'handoff' | 'elapsedMs' | 'firstPackMs' | 'sealedBytes' | 'notes' | 'failedSources' | 'foreseen'

export class Chronicle {
  readonly #clock: Clock
  readonly #events: EventLog
  readonly #handoff: string
  readonly #startedMs: number
  readonly #notes: string[] = []
  readonly #failedSources = new Set<string>()
  #firstPackMs: number | null = null
  #foreseen: readonly ChannelCapacity[] | undefined
  /** Of all packs that were made, without the receipt's. */
  sealedBytes = 0
  /** What failed on this machine: if nothing at all could be planned, the handoff ends with it. */
  localFailure: HeirloomError | undefined

  constructor(options: { clock: Clock; events: EventLog; handoff: string; startedMs: number }) {
    this.#clock = options.clock
    this.#events = options.events
    this.#handoff = options.handoff
    this.#startedMs = options.startedMs
  }

  /** For people. */
  note(note: string): void {
    this.#notes.push(note)
  }

  /** What may happen again and again is told once. */
  noteOnce(note: string): void {
    if (!this.#notes.includes(note)) this.note(note)
  }

  /** A pack couldn't be made. */
  failed(thrown: unknown): void {
    const error = asHeirloomError(thrown)
    this.#notes.push(error.message)
    this.localFailure ??= error
  }

  sourceFailed(name: string, error: Error): void {
    this.#failedSources.add(name)
    this.#notes.push(`${name}: ${error.message}`)
  }

  /** A pack is on its way. */
  sent(lane: LaneKind): void {
    if (this.#firstPackMs !== null) return
    this.#firstPackMs = this.#clock.monotonicMs() - this.#startedMs
    this.#events.emit('first-pack', { handoff: this.#handoff, lane, afterMs: this.#firstPackMs })
  }

  /** What the lanes are thought to move. The first word counts: what is learned on the way is no prediction. */
  foresee(capacities: readonly ChannelCapacity[]): void {
    this.#foreseen ??= capacities
  }

  /** `judged`: with prediction and bound, which take their time. */
  summary(judged: boolean, rest: Omit<SummaryInput, Told>): Summary {
    return summarize({
      ...rest,
      handoff: this.#handoff,
      elapsedMs: this.#clock.monotonicMs() - this.#startedMs,
      firstPackMs: this.#firstPackMs,
      sealedBytes: this.sealedBytes,
      notes: this.#notes,
      failedSources: this.#failedSources,
      foreseen: judged ? (this.#foreseen ?? []) : undefined,
    })
  }
}
