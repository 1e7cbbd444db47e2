// The event log of a peer: what it did, when, for whoever watches (GET /v1/events, --json). Events are told at once and not kept,
// but for the last few, so that somebody who comes late still sees how it began.

import type { Clock } from '../src/clock.ts'
import { eventsKeptMax } from '../src/limits/agent.ts'

export interface PeerEvent {
  readonly event: string
  /** Wall time in ms. */
  readonly atMs: number
  readonly [field: string]: unknown
}

export class EventLog {
  readonly #clock: Clock
  readonly #listeners = new Set<(event: PeerEvent) => void>()
  readonly #recent: PeerEvent[] = []
  #isOver = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** As emit, and the last word: what happens afterwards is not told any more. */
  end(event: string, fields: Record<string, unknown>): void {
    this.emit(event, fields)
    this.#isOver = true
  }

  emit(event: string, fields: Record<string, unknown> = {}): void {
    if (this.#isOver) return
    const entry = { ...fields, event, atMs: this.#clock.nowMs() }
    this.#recent.push(entry)
    if (this.#recent.length > eventsKeptMax) this.#recent.shift()
    for (const listener of this.#listeners) listener(entry)
  }

  recent(): readonly PeerEvent[] {
    return this.#recent
  }

  listen(listener: (event: PeerEvent) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }
}
