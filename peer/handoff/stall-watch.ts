// Which lanes have packs in flight and get no acknowledgement: a peer that was stopped or cut off without a word. Such a lane is to be
// closed, so that its packs go elsewhere.

import type { Clock } from '../../src/clock.ts'
import type { SendingLane } from '../../src/lane/lane.ts'
import { laneStallMs, onlyLaneStallMs } from '../../src/limits/lane.ts'

export class StallWatch {
  readonly #clock: Clock
  readonly #progressMs = new WeakMap<SendingLane, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The lane is up, or something was acknowledged on it. */
  progressed(lane: SendingLane): void {
    this.#progressMs.set(lane, this.#clock.monotonicMs())
  }

  /** Lanes that have been silent for too long. A lane without anything in flight has nothing to say. */
  stalled(lanes: readonly SendingLane[]): SendingLane[] {
    const patienceMs = lanes.length === 1 && lanes[0]!.kind === 'store' ? onlyLaneStallMs : laneStallMs
    return lanes.filter((lane) => {
      if (lane.inFlightBytes === 0) this.progressed(lane)
      return this.#clock.monotonicMs() - (this.#progressMs.get(lane) ?? 0) > patienceMs
    })
  }
}
