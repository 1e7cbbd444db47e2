// What of each lane may be in flight to an heir. Until it has restored something a lane brings one pack at a time, so that nothing that is worth less
// takes the processor from the first one; while chunks are demanded less is let in flight beside them, since they would wait behind it.

import type { Clock } from '../../src/clock.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import type { ReceivingLane } from '../../src/lane/receiving-lane.ts'
import { demandCalmMs, demandWindowBytes } from '../../src/limits/demand.ts'
import { circuitWindowBytes, dataWindowBytes, firstPackMs, firstWindowBytes, windowBytes } from '../../src/limits/lane.ts'

const usualBytes: Partial<Record<LaneKind, number>> = { circuit: circuitWindowBytes, fast: dataWindowBytes }

interface WindowsOptions {
  readonly clock: Clock
  /** The lanes that are up. */
  readonly lanes: () => Iterable<readonly [LaneKind, ReceivingLane]>
}

export class Windows implements Disposable {
  readonly #options: WindowsOptions
  #isServed = false
  #isCalm = false
  #cancelFirst: (() => void) | undefined
  #cancelCalm: (() => void) | undefined

  constructor(options: WindowsOptions) {
    this.#options = options
  }

  /** For a lane that opens. */
  of(kind: LaneKind): number {
    const usual = usualBytes[kind] ?? windowBytes
    if (!this.#isServed) return firstWindowBytes
    return this.#isCalm ? Math.min(demandWindowBytes, usual) : usual
  }

  /** A lane is up. A first pack that has to wait for others, or is slow to restore, holds up the rest only for a moment. */
  opened(): void {
    if (!this.#isServed) this.#cancelFirst ??= this.#options.clock.after(firstPackMs, () => this.served())
  }

  /** The first pack is restored. */
  served(): void {
    if (this.#isServed) return
    this.#isServed = true
    this.#cancelFirst?.()
    for (const [kind, lane] of this.#options.lanes()) lane.grant(this.of(kind))
  }

  /** Chunks are demanded. */
  calm(): void {
    this.#cancelCalm?.()
    this.#setCalm(true)
    this.#cancelCalm = this.#options.clock.after(demandCalmMs, () => this.#setCalm(false))
  }

  [Symbol.dispose](): void {
    this.#cancelFirst?.()
    this.#cancelCalm?.()
  }

  #setCalm(isCalm: boolean): void {
    this.#isCalm = isCalm
    for (const [kind, lane] of this.#options.lanes()) lane.windowBytes = this.of(kind)
  }
}
