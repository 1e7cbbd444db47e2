// Bounds how long each step of a call to an application may take. What lies between the steps is our own time (a lane that is slow to take
// what was read) and isn't counted against the application.

import type { Clock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'

export class StepLimit implements Disposable {
  readonly #clock: Clock
  readonly #stepMs: number
  readonly #outer: AbortSignal
  readonly #whose: string
  readonly #controller = new AbortController()
  readonly #onOuter = () => this.#controller.abort(this.#outer.reason)

  /** `whose` answers are waited for. */
  constructor(clock: Clock, stepMs: number, outer: AbortSignal, whose = 'the application') {
    this.#whose = whose
    this.#clock = clock
    this.#stepMs = stepMs
    this.#outer = outer
    if (outer.aborted) this.#onOuter()
    outer.addEventListener('abort', this.#onOuter, { once: true })
  }

  /** For the call: aborted with `timeout` when a step takes too long, or with the outer signal's reason. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Waits for a step, which must end when the signal is aborted. */
  async step<Answer>(promise: Promise<Answer>): Promise<Answer> {
    const cancel = this.#clock.after(this.#stepMs, () => {
      this.#controller.abort(new HeirloomError('timeout', `${this.#whose} did not answer within ${this.#stepMs} ms`))
    })
    try {
      return await promise
    } finally {
      cancel()
    }
  }

  /** What comes of it, each within its time. It must end when the signal is aborted. */
  async *each<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
    const iterator = items[Symbol.asyncIterator]()
    for (let item = await this.step(iterator.next()); item.done !== true; item = await this.step(iterator.next())) yield item.value
  }

  [Symbol.dispose](): void {
    this.#outer.removeEventListener('abort', this.#onOuter)
  }
}
