// What sinks refused for good. The first ones explain the rest; a list of all could be as long as the state.

import type { Refused } from '../source/source.ts'

const keptMax = 10

export class Refusals {
  #total = 0
  readonly #first: (Refused & { source: string })[] = []

  add(source: string, refused: readonly Refused[]): void {
    this.#total += refused.length
    for (const each of refused.slice(0, keptMax - this.#first.length)) this.#first.push({ source, ...each })
  }

  /** For an operator. */
  *notes(): Generator<string> {
    for (const { source, id, reason } of this.#first) yield `${source}: ${id} was not restored: ${reason}`
    if (this.#total > keptMax) yield `${this.#total} chunks were not restored in all`
  }
}
