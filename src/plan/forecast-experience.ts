// Experience: how many reads came of an access, by how long ago an item was last used and in how many epochs it was. Learned at
// earlier moments of the same history, so it finds by itself how this workload weighs recency against frequency.

import type { EpochTable } from './epoch-table.ts'
import type { Past } from './forecast-backtest.ts'
import { totalOne } from './forecast-scores.ts'

/** Moments that are learned from, in horizons before the one that is scored: what followed each is known by then. */
const lessons = [1, 1.25]

/** A moment with fewer epochs before it teaches nothing. */
const pastEpochsMin = 24

/** Half-octaves of the age up to 4096 epochs, and two thirds of octaves of the number of epochs. */
const [ageBins, useBins] = [24, 16]

/** Reads that a bin must have seen before it counts for as much as all bins of its age together. */
const doubt = 4

/** Scores of `items` from the epochs before `cut`, adding up to 1; all 0 where nothing could be learned. */
export function experienceScores(past: Past, cut: number, items: Uint32Array): Float64Array {
  const reads = new Float64Array(ageBins * useBins)
  const accesses = new Float64Array(ageBins * useBins)
  const glance = new Glance(past.table)
  for (const lesson of lessons) {
    const then = cut - Math.round(lesson * past.horizon)
    if (then < pastEpochsMin) continue
    const moment = past.moment(then)
    for (let at = 0; at < moment.items.length; at++) {
      glance.look(moment.items[at]!, then)
      reads[glance.bin]! += moment.reads[at]!
      accesses[glance.bin]! += glance.accesses / then
    }
  }
  const scores = new Float64Array(items.length)
  const worth = readsPerAccess(reads, accesses)
  if (worth === undefined) return scores
  for (let at = 0; at < items.length; at++) {
    glance.look(items[at]!, cut)
    scores[at] = (glance.accesses / cut) * worth[glance.bin]!
  }
  return totalOne(scores)
}

/** By bin; a bin of which little is known leans on all bins of its age, and these on the whole. */
function readsPerAccess(reads: Float64Array, accesses: Float64Array): Float64Array | undefined {
  const overall = sum(reads) / sum(accesses)
  if (!(overall > 0) || !Number.isFinite(overall)) return undefined
  const worth = new Float64Array(reads.length)
  for (let age = 0; age < ageBins; age++) {
    const [start, end] = [age * useBins, (age + 1) * useBins]
    const ofAge = (sum(reads.subarray(start, end)) + doubt) / (sum(accesses.subarray(start, end)) + doubt / overall)
    for (let bin = start; bin < end; bin++) worth[bin] = (reads[bin]! + doubt) / (accesses[bin]! + doubt / ofAge)
  }
  return worth
}

/** An item as it was before an epoch. Its fields belong to the item that was looked at last: this is done millions of times. */
class Glance {
  accesses = 0
  bin = 0
  readonly #table: EpochTable

  constructor(table: EpochTable) {
    this.#table = table
  }

  look(item: number, cut: number): void {
    const { offsets, epoch, count } = this.#table
    const end = offsets[item + 1]!
    let [accesses, uses, last] = [0, 0, 0]
    for (let place = offsets[item]!; place < end && epoch[place]! < cut; place++) {
      uses++
      accesses += count[place]!
      last = epoch[place]!
    }
    this.accesses = accesses
    const age = Math.min(ageBins - 1, Math.floor(2 * Math.log2(cut - last)))
    this.bin = age * useBins + Math.min(useBins - 1, Math.floor(1.5 * Math.log2(Math.max(1, uses))))
  }
}

function sum(values: Float64Array): number {
  return values.reduce((all, value) => all + value, 0)
}
