// One deadline a handoff; every stage gets a slice of what is left. Monotonic, so that a clock change can't move it.

import type { Clock } from './clock.ts'
import { HeirloomError } from './errors.ts'

export class Deadline {
  readonly #clock: Clock
  /** The end on the monotonic clock, in ms. */
  readonly atMs: number

  constructor(clock: Clock, atMs: number) {
    this.#clock = clock
    this.atMs = atMs
  }

  static after(clock: Clock, durationMs: number): Deadline {
    return new Deadline(clock, clock.monotonicMs() + durationMs)
  }

  /** Milliseconds until the end, never below 0. */
  get leftMs(): number {
    return Math.max(0, this.atMs - this.#clock.monotonicMs())
  }

  get passed(): boolean {
    return this.leftMs === 0
  }

  /** The deadline that lies `reserveMs` before this one. */
  before(reserveMs: number): Deadline {
    return new Deadline(this.#clock, this.atMs - reserveMs)
  }

  /** The earlier of this and `durationMs` from now. */
  slice(durationMs: number): Deadline {
    return new Deadline(this.#clock, Math.min(this.atMs, this.#clock.monotonicMs() + durationMs))
  }

  /**
   * A signal that is aborted with a `timeout` error at the deadline, or earlier with `outer`'s reason.
   * Dispose it when the stage is over: it holds a timer and a listener.
   */
  signal(outer?: AbortSignal): { signal: AbortSignal } & Disposable {
    const controller = new AbortController()
    const onOuter = () => controller.abort(outer!.reason)
    if (outer?.aborted) onOuter()
    outer?.addEventListener('abort', onOuter, { once: true })
    const cancel = this.#clock.after(this.leftMs, () => controller.abort(new HeirloomError('timeout', 'the deadline has passed')))
    return {
      signal: controller.signal,
      [Symbol.dispose]() {
        cancel()
        outer?.removeEventListener('abort', onOuter)
      },
    }
  }
}
