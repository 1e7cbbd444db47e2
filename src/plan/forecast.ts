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
import { candidatePriors, candidateScores, frequencyCandidate, recencyCandidate } from './forecast-candidates.ts'
import { OrderRating } from './forecast-rating.ts'
import { mixed } from './forecast-scores.ts'
import { traitsOf } from './forecast-traits.ts'

/** Epochs in one horizon. */
const horizonEpochs = 64

/** What is longer ago than 16 horizons is not looked at. */
const epochsMax = 16 * horizonEpochs

/**
 * The back-test's moments, in quarters of the horizon before now, and what each counts. The newest tell of the latest turn, but little has followed
 * them yet; what did well long ago may have gone out of fashion.
 */
const backs = [
  [1, 0.05],
  [2, 0.15],
  [3, 0.25],
  [4, 1],
  [5, 1],
  [6, 0.25],
  [8, 0.1],
] as const

/** A moment with fewer epochs before it says nothing. */
const pastEpochsMin = 32

/** A candidate that got this share more of the reads than another has e times its weight. */
const ratingScale = 0.01

/** Where few reads followed, ratings differ by chance: by about this over the root of the reads. */
const ratingNoise = 0.05

/** Plain frequency and plain recency have at least this share together: when the world changes at the notice, they are what is left. */
const plainShare = 0.15

/** What these two count for against each other where the history can't tell them apart. */
const plainPriors = candidatePriors.map((_, candidate) => (candidate === frequencyCandidate ? 1 : candidate === recencyCandidate ? 0.3 : 0))

/** What ranks items that are alike in all else by their last use. */
const recencyShareMin = 0.01

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
  const trials = backs.flatMap(([back, weight]) => trial(past, table.epochs - Math.round(back * past.quarter), weight) ?? [])
  const ages = Float64Array.from(items, (item) => (history.accesses - history.lastUse(item)) / table.width)
  const now = candidateScores(past, table.epochs, { items, ages, traits: traitsOf(table, table.epochs, items) })
  const weights = mixture(trials)
  const scores = mixed(now, weights)
  return { scores, probabilities: probabilities(scores, trials, weights, past, wanted / horizon) }
}

interface Trial {
  readonly moment: PastMoment
  readonly candidates: readonly Float64Array[]
  readonly ratings: readonly number[]
  readonly weight: number
}

/** How the candidates would have done at an earlier moment; undefined when it is too early, or nothing was read after it. */
function trial(past: Past, cut: number, weight: number): Trial | undefined {
  if (cut < pastEpochsMin) return undefined
  const moment = past.moment(cut)
  if (!moment.reads.some((reads) => reads > 0)) return undefined
  const candidates = candidateScores(past, cut, { items: moment.items, traits: past.traits(cut) })
  const rating = new OrderRating(moment.reads)
  return { moment, candidates, ratings: candidates.map((scores) => rating.rate(scores)), weight }
}

/**
 * The candidates' shares in the forecast, adding up to 1. Half goes by how they did over all trials, half by how they did in each: what was far
 * ahead once is worth having beside what is good on average, because the world may turn that way again.
 */
function mixture(trials: readonly Trial[]): number[] {
  const weights = trials.reduce((all, { weight }) => all + weight, 0)
  const over = (of: (trial: Trial) => number) => trials.reduce((all, trial) => all + (trial.weight * of(trial)) / weights, 0)
  const means = candidatePriors.map((_, candidate) => over(({ ratings }) => ratings[candidate]!))
  const scale = ratingScale + ratingNoise / Math.sqrt(Math.max(1, meanReads(trials)))
  const best = shares(means, candidatePriors, scale)
  const inEach = new Map(trials.map((each) => [each, shares(each.ratings, candidatePriors, scale)]))
  const plain = shares(means, plainPriors, scale)
  return best.map((share, candidate) => {
    const clever = trials.length === 0 ? share : (share + over((each) => inEach.get(each)![candidate]!)) / 2
    return Math.max((1 - plainShare) * clever + plainShare * plain[candidate]!, candidate === recencyCandidate ? recencyShareMin : 0)
  })
}

/** By how much each is rated under the best, in units of `scale`, and by its prior. Adds up to 1. */
function shares(ratings: readonly number[], priors: readonly number[], scale: number): number[] {
  const best = Math.max(...ratings.filter((_, candidate) => priors[candidate]! > 0))
  const weights = ratings.map((rating, candidate) => (priors[candidate]! > 0 ? priors[candidate]! * Math.exp((rating - best) / scale) : 0))
  const sum = weights.reduce((all, weight) => all + weight, 0)
  return weights.map((weight) => weight / sum)
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
  // A horizon that isn't over yet says too little of what is read in a whole one.
  const over = trials.filter(({ moment }) => moment.cut + past.horizon <= past.table.epochs)
  const ofReads = calibrate(over.map(({ moment, candidates }) => ({ scores: mixed(candidates, weights), reads: moment.reads })))
  const expected = over.length === 0 ? past.horizon * past.table.width : meanReads(over) / past.sampleShare
  return scores.map((score) => 1 - (1 - ofReads(score * expected)) ** horizons)
}
