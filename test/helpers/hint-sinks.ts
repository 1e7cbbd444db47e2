// Sinks of hints: what they are given are descriptions, and what they do about them goes on after they have answered.

import type { IncomingFragment, Sink } from '../../peer/source/source.ts'

/** A description as it comes out of a pack, whole. */
export function hintFragment(id: string, content: Uint8Array): IncomingFragment {
  const chunkBytes = content.byteLength
  return { id, kind: 'metadata', offset: 0, chunkBytes, bytes: content, version: '', expiresAtMs: 0, attributes: new Uint8Array(0) }
}

interface Opened {
  readonly sink: Sink
  readonly target: { idle(): Promise<void> }
}

/** A sink and those that follow it, each as after a restart of its process. */
export class HintSinks implements AsyncDisposable {
  readonly #open: () => Opened
  readonly #opened: Opened[]

  constructor(open: () => Opened) {
    this.#open = open
    this.#opened = [open()]
  }

  get sink(): Sink {
    return this.#opened.at(-1)!.sink
  }

  async restart(): Promise<Sink> {
    await this.sink[Symbol.asyncDispose]()
    this.#opened.push(this.#open())
    return this.sink
  }

  /** Resolves when all that was asked for is done. */
  async idle(): Promise<void> {
    for (const { target } of this.#opened) await target.idle()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { sink } of this.#opened) await sink[Symbol.asyncDispose]()
  }
}
