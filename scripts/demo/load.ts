// The users of the shop: a seeded sequence of requests, and a driver that sends it with bounded concurrency and counts what
// came from memory. The sequence depends on the seed alone, so that two shops can be given the same one.

import { type Clock, delay } from '../../src/clock.ts'
import { seededRandom, zipf } from './random.ts'

export interface ShopRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
}

/** What the driver learns of one answer. */
export type Send = (request: ShopRequest, signal: AbortSignal) => Promise<{ readonly hit: boolean }>

export interface LoadShape {
  readonly seed: number
  readonly products: number
  readonly users: number
  /** The share of requests that put something into a cart. */
  readonly cartShare: number
}

export const defaultLoadShape: Omit<LoadShape, 'seed'> = { products: 4000, users: 1000, cartShare: 0.25 }

/** Requests without end. Few products and users draw most of them; which ones is the same for every seed. */
export function* shopRequests({ seed, products, users, cartShare }: LoadShape): Generator<ShopRequest, never> {
  const random = seededRandom(seed)
  const product = zipf(products, 0.8, random)
  const user = zipf(users, 0.5, random)
  for (;;) {
    if (random() < cartShare) yield { method: 'POST', path: `/carts/u${user()}/${product()}` }
    else yield { method: 'GET', path: `/products/${product()}` }
  }
}

export interface DriveOptions {
  readonly send: Send
  readonly clock: Clock
  readonly durationMs: number
  readonly inFlightMax: number
  /** Requests start at this rate, whatever the answers take; without it each answer makes room for the next request. */
  readonly perSecond?: number
  readonly signal: AbortSignal
  readonly onProgress?: (doneMs: number) => void
}

export interface LoadResult {
  readonly requests: number
  readonly hits: number
  readonly failures: number
  /** Hits over requests of those that began in the first second. */
  readonly firstSecondHitRate: number
  readonly hitRate: number
  /** When the hit rate of the last `windowRequests` reached this rate for the first time, in ms; undefined when it never did. */
  reached(hitRate: number): number | undefined
  /** The time within which half of the answers came, in ms, from when the request was due. */
  readonly medianMs: number
}

/** Sends `requests` for `durationMs`. A request that fails is counted; when every one of the first fifty failed, its error is thrown. */
export async function drive(requests: Iterator<ShopRequest>, options: DriveOptions): Promise<LoadResult> {
  const { clock, durationMs, inFlightMax, perSecond, signal, onProgress } = options
  const startMs = clock.monotonicMs()
  const elapsed = () => clock.monotonicMs() - startMs
  const tally = new Tally()
  let started = 0
  const worker = async () => {
    for (;;) {
      const dueMs = perSecond === undefined ? elapsed() : (started / perSecond) * 1000
      if (dueMs >= durationMs || elapsed() >= 2 * durationMs) return
      started++
      const { value: request } = requests.next()
      const waitMs = dueMs - elapsed()
      if (waitMs > 0) await delay(clock, waitMs, signal)
      signal.throwIfAborted()
      try {
        const { hit } = await options.send(request, signal)
        tally.add(dueMs, elapsed() - dueMs, hit)
      } catch (error) {
        signal.throwIfAborted()
        tally.fail(error)
      }
      onProgress?.(Math.min(durationMs, elapsed()))
    }
  }
  await Promise.all(Array.from({ length: inFlightMax }, worker))
  return tally.result()
}

/** Over so many requests in a row a hit rate is told. */
export const windowRequests = 100

class Tally {
  readonly #latencies: number[] = []
  readonly #answers: { readonly dueMs: number; readonly hit: boolean }[] = []
  #hits = 0
  #failures = 0
  #firstRequests = 0
  #firstHits = 0

  add(dueMs: number, latencyMs: number, hit: boolean): void {
    this.#latencies.push(latencyMs)
    this.#answers.push({ dueMs, hit })
    if (hit) this.#hits++
    if (dueMs >= 1000) return
    this.#firstRequests++
    if (hit) this.#firstHits++
  }

  #reached(hitRate: number): number | undefined {
    const answers = this.#answers.toSorted((a, b) => a.dueMs - b.dueMs)
    let hits = 0
    for (const [index, { dueMs, hit }] of answers.entries()) {
      if (hit) hits++
      if (answers[index - windowRequests]?.hit === true) hits--
      if (index >= windowRequests - 1 && hits >= hitRate * windowRequests) return dueMs
    }
    return undefined
  }

  fail(error: unknown): void {
    this.#failures++
    if (this.#failures >= 50 && this.#latencies.length === 0) throw error
  }

  result(): LoadResult {
    const requests = this.#latencies.length
    const sorted = Float64Array.from(this.#latencies).sort()
    return {
      requests,
      hits: this.#hits,
      failures: this.#failures,
      firstSecondHitRate: this.#firstHits / Math.max(1, this.#firstRequests),
      hitRate: this.#hits / Math.max(1, requests),
      reached: (hitRate) => this.#reached(hitRate),
      medianMs: sorted[Math.floor(requests / 2)] ?? 0,
    }
  }
}
