// The forecast: how likely each item is to be read soon, from its history alone.
//
// What follows a moment that looked like now is what followed it then. The history is cut into epochs; the items of the newest
// epochs are compared with those before every past epoch; what was read after similar moments counts most. Because no one way of
// looking is best for every workload, several are tried on earlier moments of the same history and mixed by how well they did.
// The same moments say how likely an item is to be read by its place in the order.

import type { AccessHistory } from './access-history.ts'
import { createEpochTable } from './epoch-table.ts'
import { Past, type PastMoment } from './forecast-backtest.ts'
import { calibrate } from './forecast-calibration.ts'
import { candidatePriors, candidateScores, frequencyCandidate } from './forecast-candidates.ts'
import { OrderRating } from './forecast-rating.ts'
import { mixed } from './forecast-scores.ts'

/** Epochs in one horizon. */
const horizonEpochs = 64

/** What is longer ago than 16 horizons is not looked at. */
const epochsMax = 16 * horizonEpochs

/** The back-test's moments, in horizons before now. The newest count most: what did well long ago may have gone out of fashion. */
const backs = [1, 1.1, 1.25]

/** A moment with fewer epochs before it says nothing. */
const pastEpochsMin = 32

/** A candidate that got this share more of the reads than another has e times its weight. */
const ratingScale = 0.01

/** Where few reads followed, ratings differ by chance: by about this over the root of the reads. */
const ratingNoise = 0.2

/** Plain frequency has at least this share: when the world changes at the notice, it is what is left. */
const frequencyShare = 0.15

export interface ForecastOptions {
  /** Over how many accesses to come, of all items together. Without it: a sixth of the history. */
  readonly horizonAccesses?: number
}

export interface Forecast {
  /** By place in the items that were asked for: a higher one is read more often. */
  readonly scores: Float64Array
  /** By place in the items that were asked for: 0 to 1, how likely it is read at least once. */
  readonly probabilities: Float64Array
}

/** The forecast for `items`, which are those that are cached now, each once. */
export function forecast(history: AccessHistory, items: Uint32Array, { horizonAccesses }: ForecastOptions = {}): Forecast {
  const remembered = history.accesses - history.since
  const wanted = horizonAccesses ?? remembered / 6
  // A horizon that the history doesn't have three of can't be tried out: a shorter one stands for it.
  const horizon = Math.max(1, Math.min(wanted, remembered / 3))
  const table = createEpochTable(history, horizon / horizonEpochs, epochsMax)
  const past = new Past(table, horizonEpochs, items.length)
  const trials = backs.flatMap((back) => trial(past, table.epochs - Math.round(back * horizonEpochs)) ?? [])
  const now = candidateScores(past, table.epochs, items)
  const weights = mixture(trials)
  const scores = mixed(now, weights)
  return { scores, probabilities: probabilities(scores, trials, weights, past, wanted / horizon) }
}

interface Trial {
  readonly moment: PastMoment
  readonly candidates: readonly Float64Array[]
  readonly ratings: readonly number[]
}

/** How the candidates would have done at an earlier moment; undefined when it is too early, or nothing was read after it. */
function trial(past: Past, cut: number): Trial | undefined {
  if (cut < pastEpochsMin) return undefined
  const moment = past.moment(cut)
  if (!moment.reads.some((reads) => reads > 0)) return undefined
  const candidates = candidateScores(past, cut, moment.items)
  const rating = new OrderRating(moment.reads)
  return { moment, candidates, ratings: candidates.map((scores) => rating.rate(scores)) }
}

/** The candidates' shares in the forecast, adding up to 1. */
function mixture(trials: readonly Trial[]): number[] {
  const means = candidatePriors.map((_, candidate) => trials.reduce((all, { ratings }) => all + ratings[candidate]! / trials.length, 0))
  const best = Math.max(...means)
  const scale = ratingScale + ratingNoise / Math.sqrt(Math.max(1, meanReads(trials)))
  const weights = candidatePriors.map((prior, candidate) => prior * Math.exp((means[candidate]! - best) / scale))
  const sum = weights.reduce((all, weight) => all + weight, 0)
  return weights.map((weight, candidate) => (1 - frequencyShare) * (weight / sum) + (candidate === frequencyCandidate ? frequencyShare : 0))
}

/** Reads that followed a moment, on average. */
function meanReads(trials: readonly Trial[]): number {
  return trials.reduce((all, { moment }) => all + moment.reads.reduce((sum, count) => sum + count, 0) / trials.length, 0)
}

/** `horizons`: how many of the horizons that were tried out the forecast is for. */
function probabilities(
  scores: Float64Array,
  trials: readonly Trial[],
  weights: readonly number[],
  past: Past,
  horizons: number,
): Float64Array {
  const ofReads = calibrate(trials.map(({ moment, candidates }) => ({ scores: mixed(candidates, weights), reads: moment.reads })))
  const expected = trials.length === 0 ? past.horizon * past.table.width : meanReads(trials) / past.sampleShare
  return scores.map((score) => 1 - (1 - ofReads(score * expected)) ** horizons)
}
