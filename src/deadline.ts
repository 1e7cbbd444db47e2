// One deadline a handoff; every stage gets a slice of what is left. Monotonic, so that a clock change can't move it.
// Who made it may move it: what was derived from it, signals as well, moves along.

import type { Clock } from './clock.ts'
import { HeirloomError } from './errors.ts'

/** What a deadline and all that was derived from it share. */
interface End {
  atMs: number
  /** When it was set, or last moved. */
  sinceMs: number
  readonly onMoved: Set<() => void>
}

export class Deadline {
  readonly #clock: Clock
  readonly #end: End
  readonly #place: (end: End) => number

  /** `at` on the monotonic clock, in ms. */
  constructor(clock: Clock, at: number | End, place: (end: End) => number = ({ atMs }) => atMs) {
    this.#clock = clock
    this.#end = typeof at === 'number' ? { atMs: at, sinceMs: clock.monotonicMs(), onMoved: new Set() } : at
    this.#place = place
  }

  static after(clock: Clock, durationMs: number): Deadline {
    return new Deadline(clock, clock.monotonicMs() + durationMs)
  }

  /** The end on the monotonic clock, in ms. */
  get atMs(): number {
    return this.#place(this.#end)
  }

  /** Milliseconds until the end, never below 0. */
  get leftMs(): number {
    return Math.max(0, this.atMs - this.#clock.monotonicMs())
  }

  get passed(): boolean {
    return this.leftMs === 0
  }

  /** Puts the end elsewhere, sooner or later, for all that was derived from the same deadline as well. */
  moveTo(atMs: number): void {
    this.#end.atMs = atMs
    this.#end.sinceMs = this.#clock.monotonicMs()
    for (const moved of this.#end.onMoved) moved()
  }

  /** Tells of every move, until the signal is aborted. */
  listen(onMoved: () => void, signal: AbortSignal): void {
    this.#end.onMoved.add(onMoved)
    signal.addEventListener('abort', () => this.#end.onMoved.delete(onMoved), { once: true })
  }

  /** The deadline that lies `reserveMs` before this one. */
  before(reserveMs: number): Deadline {
    return new Deadline(this.#clock, this.#end, (end) => this.#place(end) - reserveMs)
  }

  /** As `before`, but of a time that is short no more than half is set aside. */
  reserving(reserveMs: number): Deadline {
    return new Deadline(this.#clock, this.#end, (end) => {
      const atMs = this.#place(end)
      return atMs - Math.min(reserveMs, Math.max(0, atMs - end.sinceMs) / 2)
    })
  }

  /** The earlier of this and `durationMs` from now. */
  slice(durationMs: number): Deadline {
    const latestMs = this.#clock.monotonicMs() + durationMs
    return new Deadline(this.#clock, this.#end, (end) => Math.min(this.#place(end), latestMs))
  }

  /**
   * A signal that is aborted with a `timeout` error at the deadline, or earlier with `outer`'s reason.
   * Dispose it when the stage is over: it holds a timer and a listener.
   */
  signal(outer?: AbortSignal): { signal: AbortSignal } & Disposable {
    const { onMoved } = this.#end
    const controller = new AbortController()
    const onOuter = () => controller.abort(outer!.reason)
    if (outer?.aborted) onOuter()
    outer?.addEventListener('abort', onOuter, { once: true })
    const arm = () => this.#clock.after(this.leftMs, () => controller.abort(new HeirloomError('timeout', 'the deadline has passed')))
    let cancel = arm()
    const moved = () => {
      cancel()
      cancel = arm()
    }
    onMoved.add(moved)
    return {
      signal: controller.signal,
      [Symbol.dispose]() {
        cancel()
        onMoved.delete(moved)
        outer?.removeEventListener('abort', onOuter)
      },
    }
  }
}
