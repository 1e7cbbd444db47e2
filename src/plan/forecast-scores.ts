// Scores of items: sums of weights over the epochs in which they were used.

import type { EpochTable } from './epoch-table.ts'
import type { EpochWeights } from './forecast-weights.ts'

/** By place in `items`: the score from the epochs before `cut`. The scores add up to 1, so that candidates can be mixed. */
export function weightedScores(table: EpochTable, cut: number, { accesses, uses }: EpochWeights, items: Uint32Array): Float64Array {
  const { offsets, epoch, count } = table
  const scores = new Float64Array(items.length)
  for (let at = 0; at < items.length; at++) {
    const end = offsets[items[at]! + 1]!
    let score = 0
    for (let place = offsets[items[at]!]!; place < end; place++) {
      const when = epoch[place]!
      if (when >= cut) break
      score += accesses[when]! * count[place]! + uses[when]!
    }
    scores[at] = score
  }
  return totalOne(scores)
}

/** Several candidates' scores, added up by `weights`. */
export function mixed(scores: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const mixture = new Float64Array(scores[0]!.length)
  for (const [candidate, own] of scores.entries()) {
    const weight = weights[candidate]!
    for (let at = 0; at < mixture.length; at++) mixture[at]! += weight * own[at]!
  }
  return mixture
}

/** Divides by the sum, in place. */
export function totalOne(scores: Float64Array): Float64Array {
  const sum = scores.reduce((all, score) => all + score, 0)
  if (sum > 0) for (let at = 0; at < scores.length; at++) scores[at]! /= sum
  return scores
}
