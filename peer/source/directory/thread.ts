// A worker thread that answers calls one after the other, in their order: for synchronous file system calls, which are ten times cheaper
// than asynchronous ones but would hold up everything else on the main thread, above all on a slow disk.
//
// Ownership: whoever creates a Thread disposes it. While it has nothing to do it doesn't keep the process alive.

import { Worker, type Transferable } from 'node:worker_threads'
import { asHeirloomError, HeirloomError, type ErrorCode } from '../../../src/errors.ts'
import { threadYoungHeapMiB } from '../../../src/limits/source.ts'
import type { ThreadAnswer } from './thread-calls.ts'

interface OpenCall {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: HeirloomError) => void
}

export class Thread implements AsyncDisposable {
  readonly #worker: Worker
  readonly #open = new Map<number, OpenCall>()
  #next = 0
  #isEnding = false
  #failure: HeirloomError | undefined

  /** `name` is the worker's file beside this one, without its ending: `.ts` in a checkout, `.js` in the published package. */
  constructor(name: string, data: unknown) {
    const ending = new URL(import.meta.url).pathname.endsWith('.ts') ? 'ts' : 'js'
    // No flags of the program's own: --input-type and the like would keep the thread from starting.
    const resourceLimits = { maxYoungGenerationSizeMb: threadYoungHeapMiB }
    this.#worker = new Worker(new URL(`./${name}.${ending}`, import.meta.url), { workerData: data, resourceLimits, execArgv: [] })
    this.#worker.unref()
    this.#worker.on('message', (answer: ThreadAnswer) => this.#answered(answer))
    this.#worker.on('error', (error) => this.#fail(asHeirloomError(error)))
    this.#worker.on('exit', () => this.#fail(new HeirloomError('aborted', `the thread of ${name} has ended`)))
  }

  /** Throws the HeirloomError that the thread threw, or the signal's reason; the thread then goes on, and its answer is dropped. */
  async call<Answer>(
    request: unknown,
    { signal, transfer = [] }: { signal?: AbortSignal; transfer?: readonly Transferable[] } = {},
  ): Promise<Answer> {
    signal?.throwIfAborted()
    if (this.#failure !== undefined) throw this.#failure
    const id = this.#next++
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#open.set(id, { resolve, reject })
    const onAbort = () => reject(signal!.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#worker.ref()
    this.#worker.postMessage({ id, request }, [...transfer])
    try {
      return (await promise) as Answer
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever waits for the end must not be ended first, whatever answers still come.
    this.#isEnding = true
    this.#worker.ref()
    await this.#worker.terminate()
  }

  #answered(message: ThreadAnswer): void {
    const call = this.#open.get(message.id)
    this.#open.delete(message.id)
    if (this.#open.size === 0 && !this.#isEnding) this.#worker.unref()
    if ('error' in message) {
      const { code, text, hint } = message.error
      call?.reject(new HeirloomError(code as ErrorCode, text, { hint }))
    } else call?.resolve(message.answer)
  }

  #fail(error: HeirloomError): void {
    this.#failure ??= error
    for (const call of this.#open.values()) call.reject(this.#failure)
    this.#open.clear()
  }
}
