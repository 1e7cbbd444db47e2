// The back-test: earlier moments of the same history, each with what was cached then and what was read after it. Candidates are
// rated by how they would have done there; nobody sees more than was before the moment.

import type { EpochTable } from './epoch-table.ts'

export interface PastMoment {
  /** The first epoch that had not begun. */
  readonly cut: number
  /** What was cached, or a sample of it. */
  readonly items: Uint32Array
  /** By place in `items`: its reads in the horizon that followed. */
  readonly reads: Float64Array
}

/** Items of one moment that are looked at; of more a sample is. */
const sampleItems = 60_000

/** What would have been cached before epoch `cut`, when that is the `share` of the items that were used last, and what was read of it then. */
export function pastMoment(table: EpochTable, cut: number, horizon: number, share: number): PastMoment {
  const { offsets, epoch, count } = table
  const items = offsets.length - 1
  const lastUse = new Int16Array(items).fill(-1)
  const usedLast = new Uint32Array(cut)
  let distinct = 0
  for (let item = 0; item < items; item++) {
    let end = offsets[item + 1]!
    while (end > offsets[item]! && epoch[end - 1]! >= cut) end--
    if (end === offsets[item]!) continue
    lastUse[item] = epoch[end - 1]!
    usedLast[lastUse[item]!]!++
    distinct++
  }
  let oldest = cut - 1
  let cached = usedLast[oldest]!
  while (oldest > 0 && cached < distinct * share) cached += usedLast[--oldest]!

  const step = Math.max(1, cached / sampleItems)
  const taken = new Uint32Array(Math.ceil(cached / step) + 1)
  const reads = new Float64Array(taken.length)
  let [length, seen, next] = [0, 0, 0]
  for (let item = 0; item < items; item++) {
    if (lastUse[item]! < oldest || seen++ < next) continue
    next += step
    taken[length] = item
    for (let place = offsets[item + 1]! - 1; place >= offsets[item]! && epoch[place]! >= cut; place--) {
      if (epoch[place]! < cut + horizon) reads[length]! += count[place]!
    }
    length++
  }
  return { cut, items: taken.subarray(0, length), reads: reads.subarray(0, length) }
}
