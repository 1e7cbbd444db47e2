// Lets at most so many actions run at a time; the others wait, first come first served.

export class Turns {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(turnsMax: number) {
    this.#free = turnsMax
  }

  /** Settles as `action` does, which begins when a turn is free. */
  async take<T>(action: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await action()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}
