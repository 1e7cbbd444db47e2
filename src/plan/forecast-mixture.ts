// What each candidate counts for in the forecast. Half of it stands before the history is asked; the other half goes to who did best at
// earlier moments of it. Where few reads followed these, both give way to plain frequency or recency.

import type { PastMoment } from './forecast-backtest.ts'
import { core, frequencyCandidate, recencyCandidate } from './forecast-candidates.ts'

export interface Trial {
  readonly moment: PastMoment
  readonly candidates: readonly Float64Array[]
  /** By candidate: 0 to 1, how well its order would have done. */
  readonly ratings: readonly number[]
}

/** What the core keeps however well others did: a moment to come is never quite like those that were tried. */
const coreShare = 0.5

/** A candidate that got this share more of the reads than another has e times its weight. */
const ratingScale = 0.01

/** Where few reads followed, ratings differ by chance: by about this over the root of the reads. */
const ratingNoise = 0.05

/** Reads that must have followed a moment before what they taught counts for as much as plain frequency or recency. */
const doubtReads = 20

/** What these two count for against each other where the history can't tell them apart: recency alone is, as a rule, far off. */
const plainPriors = core.map((_, candidate) => (candidate === frequencyCandidate ? 1 : candidate === recencyCandidate ? 0.3 : 0))

/** What ranks items that are alike in all else by their last use. */
const recencyShareMin = 0.01

/** By candidate, adding up to 1 or a little more. `reads` followed a moment, on average, of all items. */
export function mixture(trials: readonly Trial[], reads: number): number[] {
  if (trials.length === 0) return withRecency(core)
  const means = core.map((_, candidate) => trials.reduce((all, { ratings }) => all + ratings[candidate]! / trials.length, 0))
  const scale = ratingScale + ratingNoise / Math.sqrt(Math.max(1, reads))
  const best = shares(
    means,
    core.map(() => 1),
    scale,
  )
  const plain = shares(means, plainPriors, scale)
  const doubt = doubtReads / (doubtReads + reads)
  return withRecency(
    core.map((share, candidate) => {
      const learned = coreShare * share + (1 - coreShare) * best[candidate]!
      return (1 - doubt) * learned + doubt * plain[candidate]!
    }),
  )
}

/** By how much each is rated under the best, in units of `scale`, and by its prior. Adds up to 1. */
function shares(ratings: readonly number[], priors: readonly number[], scale: number): number[] {
  const best = Math.max(...ratings.filter((_, candidate) => priors[candidate]! > 0))
  const weights = ratings.map((rating, candidate) => (priors[candidate]! > 0 ? priors[candidate]! * Math.exp((rating - best) / scale) : 0))
  const sum = weights.reduce((all, weight) => all + weight, 0)
  return weights.map((weight) => weight / sum)
}

function withRecency(weights: readonly number[]): number[] {
  return weights.map((weight, candidate) => (candidate === recencyCandidate ? Math.max(weight, recencyShareMin) : weight))
}
