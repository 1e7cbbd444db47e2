// The back-test: earlier moments of the same history, each with what was cached then and what was read after it. Candidates are
// rated by how they would have done there; nobody sees more than was before the moment.

import { distinctItems, type EpochTable } from './epoch-table.ts'
import { traitsOf, type Traits } from './forecast-traits.ts'

export interface PastMoment {
  /** The first epoch that had not begun. */
  readonly cut: number
  /** What was cached, or a sample of it. */
  readonly items: Uint32Array
  /** By place in `items`: its reads in the horizon that followed, as far as it is over. */
  readonly reads: Float64Array
  /** By quarters of the horizon, 1 to 4, less one: the reads until then. The last are `reads`. */
  readonly readsWithin: readonly Float64Array[]
}

/** Items that are looked at; of more a sample is. */
const sampleItems = 100_000

export class Past {
  readonly table: EpochTable
  /** In epochs. */
  readonly horizon: number
  readonly #share: number
  readonly #sample: Uint32Array
  readonly #moments = new Map<number, PastMoment>()
  readonly #traits = new Map<number, Traits>()

  /** `cachedItems`: how many are cached now. At earlier moments the same share of what was known then was. */
  constructor(table: EpochTable, horizon: number, cachedItems: number) {
    this.table = table
    this.horizon = horizon
    this.#share = Math.min(1, cachedItems / Math.max(1, distinctItems(table)))
    this.#sample = sampled(table.offsets.length - 1, sampleItems)
  }

  /** A quarter of the horizon, in epochs. */
  get quarter(): number {
    return this.horizon / 4
  }

  /** The share of all items that is looked at. */
  get sampleShare(): number {
    return this.#sample.length / Math.max(1, this.table.offsets.length - 1)
  }

  /** What was cached before epoch `cut`, the items that were used last, and what was read of it in the horizon that followed. */
  moment(cut: number): PastMoment {
    const known = this.#moments.get(cut) ?? this.#lookUp(cut)
    this.#moments.set(cut, known)
    return known
  }

  /** The traits that the items of a moment had then. */
  traits(cut: number): Traits {
    const known = this.#traits.get(cut) ?? traitsOf(this.table, cut, this.moment(cut).items)
    this.#traits.set(cut, known)
    return known
  }

  #lookUp(cut: number): PastMoment {
    const { offsets, epoch } = this.table
    const sample = this.#sample
    const lastUse = new Int16Array(sample.length).fill(-1)
    const usedLast = new Uint32Array(cut)
    let distinct = 0
    for (let at = 0; at < sample.length; at++) {
      const start = offsets[sample[at]!]!
      let end = offsets[sample[at]! + 1]!
      while (end > start && epoch[end - 1]! >= cut) end--
      if (end === start) continue
      lastUse[at] = epoch[end - 1]!
      usedLast[lastUse[at]!]!++
      distinct++
    }
    let oldest = cut - 1
    let cached = usedLast[oldest]!
    while (oldest > 0 && cached < distinct * this.#share) cached += usedLast[--oldest]!

    const items = new Uint32Array(cached)
    for (let at = 0, length = 0; at < sample.length; at++) if (lastUse[at]! >= oldest) items[length++] = sample[at]!
    const readsWithin = this.#readsAfter(cut, items)
    return { cut, items, reads: readsWithin[3]!, readsWithin }
  }

  #readsAfter(cut: number, items: Uint32Array): Float64Array[] {
    const { offsets, epoch, count } = this.table
    const quarters = Array.from({ length: 4 }, () => new Float64Array(items.length))
    for (let at = 0; at < items.length; at++) {
      for (let place = offsets[items[at]! + 1]! - 1; place >= offsets[items[at]!]! && epoch[place]! >= cut; place--) {
        const first = Math.floor((epoch[place]! - cut) / this.quarter)
        for (let quarter = first; quarter < 4; quarter++) quarters[quarter]![at]! += count[place]!
      }
    }
    return quarters
  }
}

/**
 * At most `most` of the numbers from 0 to before `items`, in order. They are as far apart as they can be, but stray: items have
 * numbers in the order of their first use, and a fixed stride would follow patterns of the workload.
 */
export function sampled(items: number, most: number): Uint32Array {
  const step = Math.max(1, items / most)
  const stray = 0.618034
  return Uint32Array.from({ length: Math.min(items, most) }, (_, at) =>
    step === 1 ? at : Math.min(items - 1, Math.floor((at + ((at * stray) % 1)) * step)),
  )
}
