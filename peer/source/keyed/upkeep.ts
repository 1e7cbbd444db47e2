// What a source knows before a notice is kept up in the background, until the inventory is asked for or the source is closed.

import { delay, type Clock } from '../../../src/clock.ts'
import { HeirloomError } from '../../../src/errors.ts'

export class Upkeep {
  readonly #clock: Clock
  readonly #pauseMs: number
  readonly #goRound: (signal: AbortSignal) => Promise<void>
  #controller = new AbortController()
  #task: Promise<void> = Promise.resolve()

  constructor(clock: Clock, pauseMs: number, goRound: (signal: AbortSignal) => Promise<void>) {
    this.#clock = clock
    this.#pauseMs = pauseMs
    this.#goRound = goRound
  }

  /**
   * Goes round once, and goes on in the background until `signal` or `stop`. Throws what the first round throws, `aborted` when it was stopped
   * first: a server that isn't up yet is asked again later.
   */
  async begin(outer: AbortSignal): Promise<void> {
    const stopped = this.stop()
    this.#controller = new AbortController()
    const signal = AbortSignal.any([outer, this.#controller.signal])
    await stopped
    signal.throwIfAborted()
    const first = this.#goRound(signal)
    const goOn = () => this.#goOn(signal)
    this.#task = first.then(goOn, goOn)
    await first.catch((thrown: unknown) => {
      signal.throwIfAborted()
      throw thrown
    })
  }

  /** Safe to repeat. */
  async stop(): Promise<void> {
    this.#controller.abort(new HeirloomError('aborted', 'somebody needs the source for more than this'))
    await this.#task
  }

  async #goOn(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await delay(this.#clock, this.#pauseMs, signal)
        await this.#goRound(signal)
      } catch {
        // The server is away, or it is over: what was known before holds, and the notice will tell.
      }
    }
  }
}
