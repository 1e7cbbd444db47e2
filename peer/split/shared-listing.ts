// One listing of a source's chunks for several takers, each of whom gets its own share of every batch, an empty one as well: it says that the source
// is still at it. The listing goes on as long as somebody takes.
//
// Invariant: no taker has more than `sharedBatchesMax` batches waiting; the source is asked for the next one when all have room.

import { HeirloomError } from '../../src/errors.ts'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { sharedBatchesMax } from '../../src/limits/plan.ts'

export interface SharedListingOptions {
  /** Called once; the signal is aborted when nobody takes any more. */
  readonly list: (signal: AbortSignal) => AsyncIterable<Chunk[]>
  /** A batch as each taker gets it. */
  readonly divide: (batch: readonly Chunk[]) => readonly Chunk[][]
  /** Resolves when nobody will join any more. */
  readonly joined: Promise<void>
}

export class SharedListing {
  readonly #options: SharedListingOptions
  readonly #abandoned = new AbortController()
  /** What waits, by taker. */
  readonly #waiting = new Map<number, Chunk[][]>()
  #iterator: AsyncIterator<Chunk[]> | undefined
  #reading: Promise<void> | undefined
  #onRoom: () => void = () => {}
  #end: { readonly thrown?: unknown } | undefined

  constructor(options: SharedListingOptions) {
    this.#options = options
  }

  /** The taker's share, from the beginning if it takes before `joined`. Throws what the source throws, or the signal's reason. */
  async *take(taker: number, signal: AbortSignal): AsyncGenerator<Chunk[]> {
    const own: Chunk[][] = []
    this.#waiting.set(taker, own)
    try {
      for (;;) {
        const batch = own.shift()
        this.#onRoom()
        if (batch !== undefined) yield batch
        else if (this.#end === undefined) await unlessAborted(this.#more(), signal)
        else if ('thrown' in this.#end) throw this.#end.thrown
        else return
      }
    } finally {
      this.#waiting.delete(taker)
      this.#onRoom()
      if (this.#waiting.size === 0) this.#abandon()
    }
  }

  /** Whoever has nothing left has the next batch read, for all; one at a time. */
  #more(): Promise<void> {
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined))
    return this.#reading
  }

  async #read(): Promise<void> {
    const { list, divide, joined } = this.#options
    try {
      await joined
      while (this.#isFull) await new Promise<void>((resolve) => (this.#onRoom = resolve))
      if (this.#end !== undefined) return
      this.#iterator ??= list(this.#abandoned.signal)[Symbol.asyncIterator]()
      const { value, done } = await this.#iterator.next()
      if (done === true) return void (this.#end ??= {})
      const shares = divide(value)
      for (const [taker, waiting] of this.#waiting) waiting.push(shares[taker]!)
    } catch (thrown) {
      this.#end ??= { thrown }
    }
  }

  get #isFull(): boolean {
    return this.#waiting.values().some(({ length }) => length >= sharedBatchesMax)
  }

  #abandon(): void {
    const over = new HeirloomError('aborted', 'nobody takes this listing any more')
    this.#end ??= { thrown: over }
    this.#abandoned.abort(over)
    void this.#iterator?.return?.().catch(() => {})
  }
}

function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    void promise.finally(() => signal.removeEventListener('abort', onAbort)).then(resolve, reject)
  })
}
