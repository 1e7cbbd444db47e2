// Lets one waiter sleep until something has happened, or for a while. What rings while nobody sleeps is not kept: the waiter looks first.

import type { Clock } from '../../src/clock.ts'

export class Bell {
  readonly #clock: Clock
  #wake: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ring(): void {
    this.#wake?.()
  }

  /** Resolves at the next ring, or after `atMostMs`. */
  wait(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(atMostMs, () => this.#wake?.())
      this.#wake = () => {
        this.#wake = undefined
        cancel()
        resolve()
      }
    })
  }
}
