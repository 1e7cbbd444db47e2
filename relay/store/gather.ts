// One run of a slow action for many who need it. Invariants: a caller's promise settles as the run does that began after the call, never
// an earlier one; runs don't overlap; at most one is under way and one waits.

export class Gather {
  readonly #run: () => Promise<void>
  #current: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(run: () => Promise<void>) {
    this.#run = run
  }

  /** Resolves or rejects with the first run that begins after this call. */
  run(): Promise<void> {
    if (this.#current === undefined) return (this.#current = this.#begin())
    const follow = () => this.#follow()
    this.#next ??= this.#current.then(follow, follow)
    return this.#next
  }

  #follow(): Promise<void> {
    this.#next = undefined
    return (this.#current = this.#begin())
  }

  async #begin(): Promise<void> {
    try {
      // The run begins in a later microtask: whoever calls in the same turn shares it.
      await Promise.resolve()
      await this.#run()
    } finally {
      if (this.#next === undefined) this.#current = undefined
    }
  }
}
