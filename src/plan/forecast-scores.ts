// Scores of items: sums of weights over the epochs in which they were used.

import type { EpochTable } from './epoch-table.ts'
import type { EpochWeights } from './forecast-weights.ts'

/** By candidate, then by place in `items`: the score from the epochs before `cut`; each candidate's scores add up to 1. */
export function scoreItems(table: EpochTable, cut: number, candidates: readonly EpochWeights[], items: Uint32Array): Float64Array[] {
  const { offsets, epoch, count } = table
  return candidates.map(({ accesses, uses }) => {
    const scores = new Float64Array(items.length)
    let all = 0
    for (let at = 0; at < items.length; at++) {
      const end = offsets[items[at]! + 1]!
      let score = 0
      for (let place = offsets[items[at]!]!; place < end; place++) {
        const when = epoch[place]!
        if (when >= cut) break
        score += accesses[when]! * count[place]! + uses[when]!
      }
      scores[at] = score
      all += score
    }
    return all > 0 ? divided(scores, all) : scores
  })
}

/** The candidates' scores, added up by `weights`. */
export function mixed(scores: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const sum = new Float64Array(scores[0]!.length)
  for (const [candidate, own] of scores.entries()) {
    const weight = weights[candidate]!
    if (weight === 0) continue
    for (let at = 0; at < sum.length; at++) sum[at]! += weight * own[at]!
  }
  return sum
}

function divided(scores: Float64Array, by: number): Float64Array {
  for (let at = 0; at < scores.length; at++) scores[at]! /= by
  return scores
}
