// What was sent ahead of the notice, and which of it still holds (PROTOCOL.md, "Ahead of the notice"). Packs below `since` wait until the verdict
// on them is known; of what it doesn't name nothing is restored.

import type { Verdict } from '../../src/chunk/pack.ts'

export class Judgement {
  #since: number
  /** The one of the highest `since` that was heard. */
  #verdict: Verdict | undefined
  /** No other one will come. */
  #isFinal = false

  constructor(since: number) {
    this.#since = since
  }

  /** A relay has told that packs below it wait for a verdict; 0: none do. */
  get since(): number {
    return this.#since
  }

  /** Another relay has heard more from the predecessor, or this one has since. */
  raise(since: number): void {
    this.#since = Math.max(this.#since, since)
  }

  get verdict(): Verdict | undefined {
    return this.#verdict
  }

  /** Whether a pack waits for its verdict. */
  isOpen(number: number): boolean {
    return number < this.since && !this.#isFinal && (this.#verdict?.since ?? -1) < this.since
  }

  /** A verdict was heard; answers whether it settles what waited. */
  hear(verdict: Verdict): boolean {
    if (verdict.since < (this.#verdict?.since ?? 0)) return false
    this.#verdict = verdict
    return verdict.since >= this.since
  }

  /** Nothing more will come: the last catalog holds, and what was sent after it. */
  settle(): void {
    this.#isFinal = true
  }

  /** One may come after all. */
  unsettle(): void {
    this.#isFinal = false
  }

  /** The packs below the verdict of which nothing holds. */
  *dropped(): Generator<number> {
    const verdict = this.#verdict
    if (verdict === undefined) return
    for (let number = 0; number < verdict.since; number++) if (!verdict.whole.has(number) && !verdict.partial.has(number)) yield number
  }

  /** What of a pack's fragments is to be restored. */
  holding<Fragment>(number: number, fragments: readonly Fragment[]): readonly Fragment[] {
    const verdict = this.#verdict
    if (verdict === undefined || number >= verdict.since || verdict.whole.has(number)) return fragments
    const holding = verdict.partial.get(number)
    return holding === undefined ? [] : fragments.filter((_, index) => holding.has(index))
  }
}
