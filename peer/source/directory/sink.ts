// A directory as a sink. All of its work is done on a thread of its own, in the order of the calls.
// How conflicts are settled is said in writer.ts.

import { restoresMax } from '../../../src/limits/handoff.ts'
import { packBytesTarget } from '../../../src/limits/wire.ts'
import type { IncomingFragment, RecalledFragment, RestoreOutcome, Sink, SinkEnd, WaitOptions } from '../source.ts'
import { Thread } from './thread.ts'
import { bufferBytes, itemColumns, type RestoreAnswer, type WriterData, type WriterRequest } from './writer-calls.ts'

export interface DirectorySinkOptions {
  readonly name: string
  readonly path: string
  /** A folder on the same file system, for files that aren't complete. It is made when it is needed, and removed at the end. */
  readonly staging: string
}

/** The sink's thread starts at once, so that it is ready when the first pack comes. Files are touched with the first restore. */
export function createDirectorySink(options: DirectorySinkOptions): Sink {
  return new DirectorySink(options)
}

class DirectorySink implements Sink {
  readonly name: string
  readonly kind = 'directory'
  readonly returnsMemory = true
  readonly #thread: Thread
  /** Buffers that came back; at most one for each restore that the caller has under way. */
  readonly #spare: ArrayBuffer[] = []
  #disposed: Promise<void> | undefined

  constructor({ name, path, staging }: DirectorySinkOptions) {
    this.name = name
    this.#thread = new Thread('writer-worker', { root: path, staging } satisfies WriterData)
  }

  async restore(fragments: readonly IncomingFragment[], { signal }: WaitOptions): Promise<RestoreOutcome> {
    const buffer = this.#takeBuffer(bufferBytes(fragments))
    const request: WriterRequest = { kind: 'restore', items: itemColumns(fragments, buffer), buffer }
    const { outcome, buffer: back } = await this.#thread.call<RestoreAnswer>(request, { signal, transfer: [buffer] })
    if (this.#spare.length < restoresMax) this.#spare.push(back)
    return outcome
  }

  async recall(fragments: readonly RecalledFragment[], { signal }: WaitOptions): Promise<void> {
    const buffer = new ArrayBuffer(bufferBytes(fragments))
    const request: WriterRequest = { kind: 'recall', items: itemColumns(fragments, buffer), buffer }
    await this.#thread.call(request, { signal, transfer: [buffer] })
  }

  async finish(_end: SinkEnd, { signal }: WaitOptions): Promise<{ dropped: number }> {
    return this.#thread.call<{ dropped: number }>({ kind: 'finish' } satisfies WriterRequest, { signal })
  }

  /** What is unfinished stays in the staging folder, for a restart. */
  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= this.#dispose())
  }

  async #dispose(): Promise<void> {
    try {
      await this.#thread.call({ kind: 'close' } satisfies WriterRequest)
    } catch {
      // A thread that has failed told so where it failed; it has nothing to close any more.
    }
    await this.#thread[Symbol.asyncDispose]()
  }

  #takeBuffer(bytes: number): ArrayBuffer {
    const index = this.#spare.findIndex((buffer) => buffer.byteLength >= bytes)
    return index < 0 ? new ArrayBuffer(Math.max(bytes, packBytesTarget)) : this.#spare.splice(index, 1)[0]!
  }
}
