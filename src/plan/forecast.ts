// The forecast: how likely each item is to be read soon, from its history alone.
//
// What follows a moment that looked like now is what followed it then. The history is cut into epochs; the items of the newest
// epochs are compared with those before every past epoch; what was read after similar moments counts most. Because no one way of
// looking is best for every workload, others are tried beside it on earlier moments of the same history and get their part by how well they
// did. The same moments say how likely an item is to be read by its place in the order.

import type { AccessHistory } from './access-history.ts'
import { createEpochTable } from './epoch-table.ts'
import { Past } from './forecast-backtest.ts'
import { calibrate } from './forecast-calibration.ts'
import { candidateScores } from './forecast-candidates.ts'
import { mixture, type Trial } from './forecast-mixture.ts'
import { OrderRating } from './forecast-rating.ts'
import { mixed } from './forecast-scores.ts'
import { traitsOf } from './forecast-traits.ts'
import { rankDescending, rankKeys } from './rank.ts'

/** Epochs in one horizon. */
const horizonEpochs = 64

/** What is longer ago than 16 horizons is not looked at. */
const epochsMax = 16 * horizonEpochs

/** The back-test's moments, in quarters of the horizon before now: a whole horizon after each is over. What did well long ago may be out of fashion. */
const backs = [4, 5, 6, 8] as const

/** A moment with fewer epochs before it says nothing. */
const pastEpochsMin = 32

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
  const trials = backs.flatMap((back) => trial(past, table.epochs - Math.round(back * past.quarter)) ?? [])
  const reads = meanReads(trials) / past.sampleShare
  const ages = Float64Array.from(items, (item) => (history.accesses - history.lastUse(item)) / table.width)
  const now = candidateScores(past, table.epochs, { items, ages, traits: traitsOf(table, table.epochs, items) })
  const weights = mixture(trials, reads)
  const scores = mixed(now, weights)
  const judged = trials.map(({ moment, candidates }) => ({ scores: mixed(candidates, weights), reads: moment.reads }))
  const ofRank = calibrate(judged, past.sampleShare)
  return { scores, probabilities: probabilities(scores, ofRank, { horizon, horizons: wanted / horizon }) }
}

/** How the candidates would have done at an earlier moment; undefined when it is too early, or nothing was read after it. */
function trial(past: Past, cut: number): Trial | undefined {
  if (cut < pastEpochsMin) return undefined
  const moment = past.moment(cut)
  if (!moment.reads.some((reads) => reads > 0)) return undefined
  const candidates = candidateScores(past, cut, { items: moment.items, traits: past.traits(cut) })
  const rating = new OrderRating(moment.reads)
  return { moment, candidates, ratings: candidates.map((scores) => rating.rate(scores)) }
}

/** Reads that followed a moment, on average. */
function meanReads(trials: readonly Trial[]): number {
  return trials.reduce((all, { moment }) => all + moment.reads.reduce((sum, count) => sum + count, 0) / trials.length, 0)
}

/** `horizon`: its accesses. `horizons`: how many of them the forecast is for. */
function probabilities(
  scores: Float64Array,
  ofRank: ((rank: number) => number) | undefined,
  { horizon, horizons }: { readonly horizon: number; readonly horizons: number },
): Float64Array {
  // Without experience reads are taken to come by chance.
  if (ofRank === undefined) return scores.map((score) => 1 - Math.exp(-score * horizon * horizons))
  const found = new Float64Array(scores.length)
  for (const [rank, place] of rankDescending(rankKeys(scores)).entries()) found[place] = 1 - (1 - ofRank(rank)) ** horizons
  return found
}
