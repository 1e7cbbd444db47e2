// The forecast: how likely each item is to be read soon, from its history alone.
//
// What follows a moment that looked like now is what followed it then. The history is cut into epochs; the items of the newest
// epochs are compared with those before every past epoch; what was read after similar moments counts most. Because no one way of
// looking is best for every workload, several are tried on earlier moments of the same history, and mixed by how well they did.

import type { AccessHistory } from './access-history.ts'
import { createEpochTable } from './epoch-table.ts'
import { pastMoment } from './forecast-backtest.ts'
import { candidates } from './forecast-candidates.ts'
import { OrderRating } from './forecast-rating.ts'
import { mixed, scoreItems } from './forecast-scores.ts'

/** Epochs in one horizon. */
const horizonEpochs = 64
const epochsMax = 1024
/** The back-test's moments, in horizons before now. */
const moments = [1, 1.25, 1.5, 2]
/** Without this many epochs before it a moment says nothing. */
const pastEpochsMin = 32

const sharpness = 100

export interface ForecastOptions {
  /** Over how many accesses to come. Without it: a sixth of the history. */
  readonly horizonAccesses?: number
}

export interface Forecast {
  /** By place in the items that were asked for. */
  readonly scores: Float64Array
}

/** The forecast for `items`, which are what is cached now. */
export function forecast(history: AccessHistory, items: Uint32Array, { horizonAccesses }: ForecastOptions = {}): Forecast {
  const remembered = history.accesses - history.since
  const horizon = Math.max(1, Math.min(horizonAccesses ?? remembered / 6, remembered / 3))
  const table = createEpochTable(history, horizon / horizonEpochs, epochsMax)
  let distinct = 0
  for (let item = 0; item + 1 < table.offsets.length; item++) if (table.offsets[item + 1]! > table.offsets[item]!) distinct++
  const share = Math.min(1, items.length / Math.max(1, distinct))
  const ratings: number[][] = []
  for (const back of moments) {
    const cut = table.epochs - Math.round(back * horizonEpochs)
    if (cut < pastEpochsMin) continue
    const moment = pastMoment(table, cut, horizonEpochs, share)
    const rating = new OrderRating(moment.reads)
    ratings.push(scoreItems(table, cut, candidates(table, cut), moment.items).map((scores) => rating.rate(scores)))
  }
  const now = candidates(table, table.epochs)
  const means = now.map((_, candidate) =>
    ratings.length === 0 ? 0 : ratings.reduce((all, row) => all + row[candidate]!, 0) / ratings.length,
  )
  const best = Math.max(...means)
  const weights = means.map((mean) => Math.exp(sharpness * (mean - best)))
  return { scores: mixed(scoreItems(table, table.epochs, now, items), weights) }
}
