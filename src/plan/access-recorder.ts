// For programs that embed a peer: they tell each access to their cache, and at the notice they know what is worth taking along.
//
// Invariant: memory is bounded. A known item costs 24 bytes and its key with a place in a map (some 60 bytes with a short key), and
// 6 bytes for every epoch that it was used in and that is still remembered. Items that were evicted stay known as ghosts, so that one
// that returns is not new; when there are `itemsMax`, new ones take the places of ghosts and of what was not used for longest.

import { historyEntriesMax, recorderEntriesPerItem, recorderItemsMax } from '../limits/plan.ts'
import { AccessHistory } from './access-history.ts'
import { forecast, type ForecastOptions } from './forecast.ts'
import { rankDescending, rankKeys } from './rank.ts'

/** Accesses that are put into the history together. */
const pendingMax = 64

/** Places that are looked at to find the one that a new item takes. */
const placesCompared = 16

export interface RecorderOptions {
  /** Items that are known at a time, with ghosts. */
  readonly itemsMax?: number
}

export interface ForecastItem<Key> {
  readonly key: Key
  /** 0 to 1: how likely it is read in the horizon. */
  readonly readProbability: number
  /** Its share of the reads to come of all that is cached; tells apart what is read for sure. */
  readonly readShare: number
}

/** Records accesses by key and forecasts which keys are read next. An access costs little more than finding its key in a map. */
export class AccessRecorder<Key extends string | number = string> {
  readonly #itemsMax: number
  readonly #history: AccessHistory
  readonly #numbers = new Map<Key, number>()
  /** By item: its key, and when it was evicted last on the history's clock. */
  readonly #keys: Key[] = []
  readonly #evictedAt: Float64Array
  /** Items that were accessed and aren't in the history yet. */
  readonly #pending = new Uint32Array(pendingMax)
  #pendingCount = 0
  #hand = 0

  constructor({ itemsMax = recorderItemsMax }: RecorderOptions = {}) {
    this.#itemsMax = Math.max(placesCompared, Math.min(recorderItemsMax, Math.floor(itemsMax)))
    this.#evictedAt = new Float64Array(this.#itemsMax)
    this.#history = new AccessHistory({ entriesMax: Math.min(historyEntriesMax, this.#itemsMax * recorderEntriesPerItem) })
  }

  /** Items that are known, with ghosts. */
  get size(): number {
    return this.#numbers.size
  }

  /** The item was read or written: a hit, or a miss after which it is in the cache. */
  record(key: Key): void {
    const item = this.#numbers.get(key) ?? this.#add(key)
    this.#pending[this.#pendingCount++] = item
    if (this.#pendingCount === pendingMax) this.#settle()
  }

  /** The item has left the cache. It is not forecast any more, but remembered for when it returns. */
  evict(key: Key): void {
    const item = this.#numbers.get(key)
    if (item !== undefined) this.#evictedAt[item] = this.#history.accesses + this.#pendingCount
  }

  /** All that is cached, the most useful first. A second or so for a million items. */
  forecast(options: ForecastOptions = {}): ForecastItem<Key>[] {
    this.#settle()
    const items = Uint32Array.from(this.#numbers.values()).filter((item) => this.#isCached(item))
    const { scores, probabilities } = forecast(this.#history, items, options)
    const all = scores.reduce((sum, score) => sum + score, 0)
    return Array.from(rankDescending(rankKeys(scores)), (place) => ({
      key: this.#keys[items[place]!]!,
      readProbability: probabilities[place]!,
      readShare: all > 0 ? scores[place]! / all : 0,
    }))
  }

  #settle(): void {
    this.#history.accessAll(this.#pending, this.#pendingCount)
    this.#pendingCount = 0
  }

  #add(key: Key): number {
    const item = this.#numbers.size < this.#itemsMax ? this.#numbers.size : this.#freed()
    this.#numbers.set(key, item)
    this.#keys[item] = key
    return item
  }

  /** Of the next few places the one of a ghost, or else the one that was used longest ago. */
  #freed(): number {
    this.#settle()
    let worst = this.#hand
    for (let step = 0; step < placesCompared; step++) {
      const item = this.#hand
      this.#hand = (item + 1) % this.#itemsMax
      if (this.#keepRank(item) < this.#keepRank(worst)) worst = item
    }
    this.#numbers.delete(this.#keys[worst]!)
    this.#history.reuse(worst)
    return worst
  }

  #keepRank(item: number): number {
    return this.#history.lastUse(item) + (this.#isCached(item) ? this.#history.accesses : 0)
  }

  #isCached(item: number): boolean {
    return this.#history.lastUse(item) > this.#evictedAt[item]!
  }
}
