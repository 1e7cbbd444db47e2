// How long an heir waits for what may never come: for a predecessor and a relay that it can't reach, for a get that brings nothing, and for a
// predecessor that the relay takes for gone and whose lanes are silent. A machine without power closes nothing, and its transport may take a
// quarter of an hour to say so.

import type { Clock } from '../../src/clock.ts'
import { orphanMs, silentGetMs } from '../../src/limits/handoff.ts'
import { retryMaxMs } from '../../src/limits/link.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import type { Restorer } from './restorer.ts'

export interface OrphanWatchOptions {
  readonly clock: Clock
  readonly lanes: readonly LaneKind[]
  readonly restorer: Pick<Restorer, 'open' | 'idle' | 'isRestoring'>
  /** A lane to the predecessor is up. */
  readonly hasDirect: () => boolean
  /** A get is up. */
  readonly isGetting: () => boolean
  /** A relay can be asked that has not said so yet. */
  readonly isRelayThere: () => boolean
  /** All relays have said that no more will come: all is there, or the predecessor is gone. */
  readonly hasGot: () => boolean
  /** The lanes to the predecessor are to be given up. */
  readonly onSilent: () => void
  /** Nobody brings anything any more, and all that came is restored. */
  readonly onOrphaned: () => void
}

export class OrphanWatch {
  readonly #options: OrphanWatchOptions
  #cancel: (() => void) | undefined
  #isOver = false
  /** When something moved last; before it did, when this began. */
  #quietSinceMs: number

  constructor(options: OrphanWatchOptions) {
    this.#options = options
    this.#quietSinceMs = options.clock.monotonicMs()
  }

  /** A pack has come, or has been restored. */
  moved(): void {
    this.#quietSinceMs = this.#options.clock.monotonicMs()
  }

  /** Who can be reached has changed: waits anew. */
  begin(): void {
    this.#cancel?.()
    // Once it is over, lanes that close must not leave a timer behind.
    if (this.#isOver) return
    const { clock, hasDirect, hasGot, isGetting } = this.#options
    if (hasDirect()) {
      if (hasGot()) this.#cancel = clock.after(this.#leftMs(orphanMs), () => this.#lookAtPredecessor())
      return
    }
    const silentMs = this.#leftMs(silentGetMs)
    this.#cancel = clock.after(isGetting() ? silentMs : Math.min(orphanMs, silentMs), () => this.#lookAround())
  }

  end(): void {
    this.#isOver = true
    this.#cancel?.()
  }

  get #quietMs(): number {
    return this.#options.clock.monotonicMs() - this.#quietSinceMs
  }

  #leftMs(patienceMs: number): number {
    return Math.max(retryMaxMs, patienceMs - this.#quietMs)
  }

  #lookAtPredecessor(): void {
    const { restorer, onSilent } = this.#options
    // The predecessor may be waiting for that.
    if (restorer.isRestoring) this.moved()
    if (this.#quietMs >= orphanMs) onSilent()
    else this.begin()
  }

  #lookAround(): void {
    const { lanes, restorer, isGetting, isRelayThere, onOrphaned } = this.#options
    // While the relay is there, what it has will come, however long it was away, and ending now would make it drop that; but not for ever.
    const mayCome = isGetting() || (lanes.includes('store') && isRelayThere())
    if (mayCome && this.#quietMs < silentGetMs) return this.begin()
    restorer.open()
    if (restorer.idle) onOrphaned()
    else this.begin()
  }
}
