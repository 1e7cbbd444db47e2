// Scores of items: sums of weights over the epochs in which they were used.

import type { EpochTable } from './epoch-table.ts'
import type { EpochWeights } from './forecast-weights.ts'

/** By candidate, then by place in `items`: the score from the epochs before `cut`. A candidate's scores add up to 1, so that they can be mixed. */
export function weightedScores(table: EpochTable, cut: number, candidates: readonly EpochWeights[], items: Uint32Array): Float64Array[] {
  const { offsets, epoch, count } = table
  const width = candidates.length
  // All weights of an epoch lie together, and the items' runs are walked once for all candidates.
  const weights = new Float64Array(2 * width * cut)
  for (const [at, { accesses, uses }] of candidates.entries()) {
    for (let when = 0; when < cut; when++) {
      weights[2 * (when * width + at)] = accesses[when]!
      weights[2 * (when * width + at) + 1] = uses[when]!
    }
  }
  const scores = candidates.map(() => new Float64Array(items.length))
  const sums = new Float64Array(width)
  for (let at = 0; at < items.length; at++) {
    sums.fill(0)
    let [epochs, accesses] = [0, 0]
    const end = offsets[items[at]! + 1]!
    for (let place = offsets[items[at]!]!; place < end && epoch[place]! < cut; place++) {
      const times = count[place]!
      epochs++
      accesses += times
      for (let candidate = 0, weight = 2 * width * epoch[place]!; candidate < width; candidate++, weight += 2) {
        sums[candidate]! += weights[weight]! * times + weights[weight + 1]!
      }
    }
    for (let candidate = 0; candidate < width; candidate++) {
      const sum = sums[candidate]!
      scores[candidate]![at] = epochs === 1 && candidates[candidate]!.leans ? (sum + accesses) / 2 : sum
    }
  }
  return scores.map(totalOne)
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
