// What goes by reference: the heir fetches it from shared storage or from where it comes from, a few at a time, beside the packs, and restores it as
// it does all else.
//
// Invariant: a chunk is complete only when its length and digest are what the reference says; a place that doesn't answer costs its own chunks only.

import { createHash } from 'node:crypto'
import PQueue from 'p-queue'
import { Agent } from 'undici'
import type { Reference } from '../../src/chunk/reference.ts'
import type { Clock } from '../../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { originFailuresMax, originFetchesMax, originStepTimeoutMs } from '../../src/limits/handoff.ts'
import { partsOf } from '../source/app/chunk-body.ts'
import { StepLimit } from '../source/step-limit.ts'
import type { IncomingFragment, Sink } from '../source/source.ts'
import { openOrigin } from './origin-content.ts'
import { findPlace, type OriginPlace, type OriginRules } from '../../src/config/origin-place.ts'

export interface OriginsOptions {
  readonly rules: OriginRules
  readonly sinkOf: (source: number) => Sink | undefined
  readonly clock: Clock
  /** Ends what is being fetched, and begins nothing more. */
  readonly signal: AbortSignal
  /** A chunk was restored. */
  readonly onFetched: (reference: Reference, bytes: number) => void
}

/** How chunks that went by reference fared. */
export interface OriginsAccount {
  readonly chunks: number
  readonly bytes: number
  readonly failed: number
  /** Not fetched: the application may, since the receipt tells it where. */
  readonly left: number
}

export class Origins implements AsyncDisposable {
  readonly #options: OriginsOptions
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #queue = new PQueue({ concurrency: originFetchesMax })
  readonly #dispatcher = new Agent({
    connections: originFetchesMax,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: originStepTimeoutMs },
  })
  /** By place: failures in a row. */
  readonly #failures = new Map<string, number>()
  readonly #account = { chunks: 0, bytes: 0, failed: 0, left: 0 }
  /** By source: what the fetched chunks count for. */
  readonly weights = new Map<number, number>()
  /** The first ones, for people. */
  readonly notes: string[] = []
  /** Any reference has come. */
  hasAny = false

  constructor(options: OriginsOptions) {
    this.#options = options
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal])
  }

  get account(): OriginsAccount {
    return { ...this.#account }
  }

  add(references: readonly Reference[]): void {
    for (const reference of references) {
      this.hasAny = true
      const sink = this.#options.sinkOf(reference.source)
      const place = findPlace(reference.origin, this.#options.rules)
      if (sink === undefined || place === undefined) this.#account.left++
      else void this.#queue.add(() => this.#fetch(reference, place, sink))
    }
  }

  /** Resolves when nothing is being fetched any more, and nothing waits to be. */
  async settled(): Promise<void> {
    await this.#queue.onIdle()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new HeirloomError('aborted', 'nothing is fetched any more'))
    this.#queue.clear()
    await this.#dispatcher.destroy()
    await this.#queue.onIdle()
  }

  /** Never throws. */
  async #fetch(reference: Reference, place: OriginPlace, sink: Sink): Promise<void> {
    const { clock, onFetched } = this.#options
    const signal = this.#signal
    if (signal.aborted) return
    const whose = place.kind === 'file' ? 'files' : place.url.host
    try {
      if ((this.#failures.get(whose) ?? 0) >= originFailuresMax)
        throw new HeirloomError('link-lost', 'its place failed too often and is not asked any more')
      using limit = new StepLimit(clock, originStepTimeoutMs, signal, 'the origin')
      const bytes = await this.#restore(reference, place, sink, limit)
      this.#failures.set(whose, 0)
      this.#account.chunks++
      this.#account.bytes += bytes
      this.weights.set(reference.source, (this.weights.get(reference.source) ?? 0) + reference.readProbability)
      onFetched(reference, bytes)
    } catch (thrown) {
      if (signal.aborted) return
      const { code, message } = asHeirloomError(thrown, 'link-lost')
      // What is wrong with one chunk says nothing about the next one.
      if (code === 'link-lost' || code === 'timeout') this.#failures.set(whose, (this.#failures.get(whose) ?? 0) + 1)
      this.#account.failed++
      if (this.notes.length < 10) this.notes.push(`${sink.name}: ${reference.id} was not fetched from ${reference.origin}: ${message}`)
    }
  }

  async #restore(reference: Reference, place: OriginPlace, sink: Sink, limit: StepLimit): Promise<number> {
    const { id, bytes: expected, digest, version, expiresAtMs } = reference
    await using content = await limit.step(openOrigin(place, { dispatcher: this.#dispatcher, signal: limit.signal }))
    const { length } = content
    const wrongLength = (is: number) => new HeirloomError('changed', `it has ${is} bytes there and not ${expected}`)
    if (expected !== undefined && length !== undefined && length !== expected) throw wrongLength(length)
    const hash = createHash('sha256')
    const parts = partsOf({ chunk: { id, kind: 'data' }, length: length ?? expected, version, body: content.body })
    let next = await limit.step(parts.next())
    for (;;) {
      if (next.done === true) throw new HeirloomError('malformed', 'it ended early')
      const { offset, chunkBytes, bytes } = next.value
      if (expected !== undefined && chunkBytes !== expected) throw wrongLength(chunkBytes)
      hash.update(bytes)
      // The last part waits until it is known that nothing follows, and what all of it was: without it the chunk is never complete.
      next = await limit.step(parts.next())
      if (next.done === true && digest !== undefined && hash.digest('hex') !== digest)
        throw new HeirloomError('changed', 'it is another content there than the one that was meant')
      const fragment: IncomingFragment = {
        id,
        kind: 'data',
        offset,
        chunkBytes,
        bytes,
        version,
        expiresAtMs,
        attributes: new Uint8Array(0),
      }
      const { refused } = await sink.restore([fragment], { signal: this.#signal })
      if (refused[0] !== undefined) throw new HeirloomError('source-failed', refused[0].reason)
      if (next.done === true) return chunkBytes
    }
  }
}
