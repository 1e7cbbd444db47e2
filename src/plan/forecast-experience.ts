// Experience: how many reads came of an access to an item of the same traits, at earlier moments of the same history. So it finds by
// itself how this workload weighs recency against frequency, and whether what came twice comes a third time.

import type { Past } from './forecast-backtest.ts'
import { totalOne } from './forecast-scores.ts'
import { viewBins, viewRows, views, type Traits } from './forecast-traits.ts'

/** Moments that are learned from, in quarters of the horizon before the one that is scored. Of the nearest a part of what followed is known. */
const lessons = [2, 3, 4, 5, 6, 8]

/** A moment with fewer epochs before it teaches nothing. */
const pastEpochsMin = 24

/** Reads that a bin must have seen before it counts for as much as its whole row. */
const doubt = 4

/** By view, then by place in the items that `traits` are of: scores from the epochs before `cut`, adding up to 1; all 0 where nothing could be learned. */
export function experienceScores(past: Past, cut: number, traits: Traits): Float64Array[] {
  return views.map((_, view) => {
    const scores = new Float64Array(traits.accesses.length)
    const worth = readsPerAccess(past, cut, view)
    if (worth === undefined) return scores
    const bins = traits.bins[view]!
    for (let at = 0; at < scores.length; at++) scores[at] = traits.accesses[at]! * worth[bins[at]!]!
    return totalOne(scores)
  })
}

function readsPerAccess(past: Past, cut: number, view: number): Float64Array | undefined {
  const reads = new Float64Array(viewRows * viewBins)
  const accesses = new Float64Array(viewRows * viewBins)
  for (const lesson of lessons) {
    const then = cut - Math.round(lesson * past.quarter)
    if (then < pastEpochsMin) continue
    const known = Math.min(lesson, 4)
    const followed = past.moment(then).readsWithin[known - 1]!
    const traits = past.traits(then)
    const bins = traits.bins[view]!
    for (let at = 0; at < bins.length; at++) {
      reads[bins[at]!]! += (followed[at]! * 4) / known
      accesses[bins[at]!]! += traits.accesses[at]! / then
    }
  }
  return ratios(reads, accesses)
}

/** By bin; a bin of which little is known leans on its row, and the row on the whole. */
function ratios(reads: Float64Array, accesses: Float64Array): Float64Array | undefined {
  const overall = sum(reads) / sum(accesses)
  if (!(overall > 0) || !Number.isFinite(overall)) return undefined
  const worth = new Float64Array(reads.length)
  for (let row = 0; row < viewRows; row++) {
    const [start, end] = [row * viewBins, (row + 1) * viewBins]
    const ofRow = (sum(reads.subarray(start, end)) + doubt) / (sum(accesses.subarray(start, end)) + doubt / overall)
    for (let bin = start; bin < end; bin++) worth[bin] = (reads[bin]! + doubt) / (accesses[bin]! + doubt / ofRow)
  }
  return worth
}

function sum(values: Float64Array): number {
  return values.reduce((all, value) => all + value, 0)
}
