// An application as a source, over the app API. It divides and orders its state itself (claims 2 and 4), and is asked at the notice (claim 7).
// Slow, wrong or missing answers cost its own state only.

import type { Chunk, ChunkPart, LeftOut, LeftOutReason } from '../../../src/chunk/chunk.ts'
import { systemClock, type Clock } from '../../../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../../../src/errors.ts'
import { appCallsMax, appErrorBytesMax, chunkCallTimeoutMs, inventoryLineBytesMax } from '../../../src/limits/source.ts'
import type { InventoryQuery, ReadOptions, Source, WaitOptions } from '../source.ts'
import { partsOf } from './chunk-body.ts'
import { AppClient, chunkPath, drain } from './client.ts'
import { parseInventoryLine } from './inventory-line.ts'
import { linesOf } from './lines.ts'
import { StepLimit } from '../step-limit.ts'
import { withinTimeShare } from '../time-share.ts'

export interface AppSourceOptions {
  readonly name: string
  /** `unix:/path.sock` or `http://host:port`. */
  readonly url: string
  /** A file with the token that the application wants to see with each call. */
  readonly tokenFile?: string | undefined
  /** How long the inventory may take; at most a third of the deadline in any case. */
  readonly timeoutMs?: number | undefined
  /** How long the application may keep us waiting for a chunk, or for the next piece of it. */
  readonly chunkTimeoutMs?: number | undefined
  readonly clock?: Clock
  readonly onWarning?: ((message: string) => void) | undefined
}

export function createAppSource(options: AppSourceOptions): Source {
  return new AppSource(options)
}

/** A chunk whose call has begun: its first part is here, the others come as they are asked for. */
interface Begun {
  readonly first: IteratorResult<ChunkPart | LeftOut>
  readonly rest: AsyncGenerator<ChunkPart | LeftOut>
}

class AppSource implements Source {
  readonly name: string
  readonly kind = 'app'
  readonly #options: AppSourceOptions
  readonly #client: AppClient
  readonly #clock: Clock

  constructor(options: AppSourceOptions) {
    this.name = options.name
    this.#options = options
    this.#client = new AppClient(options)
    this.#clock = options.clock ?? systemClock
  }

  /** The application is asked at the notice and not before: its order is the one of that moment. */
  async warm(): Promise<void> {}

  inventory(query: InventoryQuery, { signal }: WaitOptions): AsyncGenerator<Chunk[]> {
    const list = (options: WaitOptions) => this.#list(query, options.signal)
    return withinTimeShare(query, {
      name: this.name,
      list,
      timeoutMs: this.#options.timeoutMs,
      clock: this.#clock,
      late: { what: 'no whole inventory' },
      onWarning: this.#options.onWarning,
      signal,
    })
  }

  async *read(chunks: readonly Chunk[], { signal, readers = 1 }: ReadOptions): AsyncGenerator<(ChunkPart | LeftOut)[]> {
    const callsMax = Math.max(1, Math.floor(appCallsMax / readers))
    const abandoned = new AbortController()
    const either = AbortSignal.any([signal, abandoned.signal])
    const ahead: Promise<Begun>[] = []
    let next = 0
    try {
      for (;;) {
        while (ahead.length < callsMax && next < chunks.length) {
          const begun = this.#begin(chunks[next++]!, either)
          // It is awaited in its turn; until then a failure mustn't count as unhandled.
          begun.catch(() => {})
          ahead.push(begun)
        }
        const begun = await ahead[0]
        if (begun === undefined) return
        if (begun.first.done !== true) yield [begun.first.value]
        for await (const part of begun.rest) yield [part]
        void ahead.shift()
      }
    } finally {
      abandoned.abort(new HeirloomError('aborted', 'nobody reads these chunks any more'))
      // A call whose first part has come waits for somebody to take it, and holds its connection and its timer until then.
      void Promise.allSettled(ahead.map(async (begun) => (await begun).rest.return(undefined)))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]()
  }

  async *#list(query: InventoryQuery, signal: AbortSignal): AsyncGenerator<Chunk[]> {
    const headers = { 'content-type': 'application/json', accept: 'application/x-ndjson' }
    using answer = await this.#client.call({ method: 'POST', path: 'inventory', body: JSON.stringify(query), headers }, { signal })
    if (!answer.ok)
      throw new HeirloomError('source-failed', `the application answered the question for its inventory with status ${answer.status}`, {
        ...(answer.status === 401 && { hint: 'does token_file hold the token that it expects?' }),
      })
    let wrong = 0
    const parse = (line: string) => {
      if (line.trim() === '') return []
      const chunk = parseInventoryLine(line)
      if (chunk === undefined) wrong++
      return chunk ?? []
    }
    for await (const lines of linesOf(answer.body, inventoryLineBytesMax, () => wrong++)) {
      const batch = lines.flatMap(parse)
      if (batch.length > 0) yield batch
    }
    if (wrong > 0) this.#options.onWarning?.(`${this.name}: ${wrong} lines of the inventory are not chunks and were skipped`)
  }

  async #begin(chunk: Chunk, signal: AbortSignal): Promise<Begun> {
    const rest = this.#parts(chunk, signal)
    return { first: await rest.next(), rest }
  }

  /** A chunk's parts. What goes wrong with it is its own LeftOut; throws only when nobody listens there any more. */
  async *#parts(chunk: Chunk, signal: AbortSignal): AsyncGenerator<ChunkPart | LeftOut> {
    let isBegun = false
    // One more attempt where nothing has come: the application may have closed a kept connection just as we used it.
    for (let attempts = 2; attempts > 0; attempts--) {
      try {
        for await (const part of this.#get(chunk, signal)) {
          isBegun = true
          yield part
        }
        return
      } catch (thrown) {
        signal.throwIfAborted()
        const { code, message, hint } = asHeirloomError(thrown, 'malformed')
        if (code === 'source-failed') throw thrown
        if (code === 'link-lost' && !isBegun && attempts > 1) continue
        return yield leftOut(
          chunk,
          code === 'too-large' ? 'too-large' : 'source-failed',
          hint === undefined ? message : `${message} (${hint})`,
        )
      }
    }
  }

  async *#get(chunk: Chunk, signal: AbortSignal): AsyncGenerator<ChunkPart | LeftOut> {
    using limit = new StepLimit(this.#clock, this.#options.chunkTimeoutMs ?? chunkCallTimeoutMs, signal)
    using answer = await limit.step(this.#client.call({ method: 'GET', path: chunkPath(chunk.id) }, { signal: limit.signal }))
    if (!answer.ok) {
      await limit.step(drain(answer, appErrorBytesMax))
      const reason = answer.status === 404 || answer.status === 410 ? 'vanished' : 'source-failed'
      return yield leftOut(chunk, reason, `the application answered with status ${answer.status}`)
    }
    const said = Number(answer.header('content-length') ?? NaN)
    const length = Number.isSafeInteger(said) ? said : undefined
    const parts = partsOf({ chunk, length, version: answer.header('heirloom-version'), body: answer.body })
    for (let part = await limit.step(parts.next()); part.done !== true; part = await limit.step(parts.next())) yield part.value
  }
}

function leftOut(chunk: Chunk, reason: LeftOutReason, detail: string): LeftOut {
  return { chunk, leftOut: reason, detail }
}
