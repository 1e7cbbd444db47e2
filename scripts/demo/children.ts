// The owner of every process that the demo starts: when it is disposed, all of them are gone. One that should stay
// and doesn't is the cause of all that goes wrong after it, so that it ends the demo with its own last words.

import { Child, type ChildOptions } from './child.ts'

export class Children implements AsyncDisposable {
  readonly #all: Child[] = []
  readonly #lost = new AbortController()
  #ending = false

  /** Aborted with an error as soon as a child ended that was to stay. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Starts a child that ends by itself. */
  start(options: ChildOptions): Child {
    const child = new Child(options)
    this.#all.push(child)
    return child
  }

  /** Starts a child that is to stay until all are ended. */
  startLasting(options: ChildOptions): Child {
    const child = this.start(options)
    void child.ended.then((code) => {
      if (!this.#ending) this.#lost.abort(child.failure(`ended with code ${code} in the middle of the demo`))
    })
    return child
  }

  /** For the moment when the demo itself must go at once and nothing can be awaited any more. */
  endNow(): void {
    this.#ending = true
    for (const child of this.#all) child.tell('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.endNow()
    await Promise.all(this.#all.map((child) => child[Symbol.asyncDispose]()))
  }
}
