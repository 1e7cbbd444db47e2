// A trace-driven simulation of one notice: what was cached then, in which order each method would have sent it, and how many of the
// references that followed each order's first pages would have served.
//
// The forecast is the one that the agent's recorder makes: it is fed reference by reference and sees nothing after the notice.

import { HeirloomError } from '../../src/errors.ts'
import { AccessHistory } from '../../src/plan/access-history.ts'
import { forecast, type Forecast } from '../../src/plan/forecast.ts'
import { runHandoff, type HandoffRun, type HandoffTerms, type Listing } from './handoff-run.ts'
import { orders, type Moment, type OrderName } from './orders.ts'
import type { Trace } from './trace.ts'

export interface SimulationOptions {
  readonly orders: readonly OrderName[]
  /** Share of the trace before the notice. */
  readonly history: number
  /** Share of the history's distinct pages that is cached. */
  readonly capacity: number
  /** Share of the trace after the notice that is looked at. */
  readonly horizon: number
  /** Shares of the cached pages that are delivered. */
  readonly budgets: readonly number[]
  readonly seed: number
  /** Runs each order's handoff in virtual time. */
  readonly handoff?: HandoffTerms
}

export interface Simulation {
  readonly references: number
  readonly cachedPages: number
  /** References in the horizon to cached pages. */
  readonly horizonHits: number
  /** By order and budget: the share of `horizonHits` that hit a delivered page. */
  readonly hitMass: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** The same, as a share of what the best possible order has. */
  readonly ofOracle: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** By order: its hit mass over the delivered share of the cached pages, at equal steps from 0 to 1. */
  readonly curves: Readonly<Record<string, readonly number[]>>
  /** By order, when a handoff was asked for. */
  readonly handoff?: Readonly<Record<string, HandoffRun>>
}

/** Steps of a curve. */
const curveSteps = 200

/** Throws `usage` when the shares leave no history or no horizon of this trace. */
export function simulate(trace: Trace, options: SimulationOptions): Simulation {
  const notice = Math.round(trace.length * options.history)
  const end = Math.min(trace.length, notice + Math.round(trace.length * options.horizon))
  if (notice === 0 || end === notice)
    throw new HeirloomError('usage', `${trace.length} references are too few for this history and horizon`)
  const moment = momentOf(trace, notice, end, options)
  const { reads } = moment
  const horizonHits = reads.reduce((all, count) => all + count, 0)
  const best = gains(orders.oracle(moment), reads)
  const hitMass: Record<string, Record<string, number>> = {}
  const ofOracle: Record<string, Record<string, number>> = {}
  const curves: Record<string, number[]> = {}
  const handoff: Record<string, HandoffRun> = {}
  for (const name of options.orders) {
    const order = orders[name](moment)
    const got = name === 'oracle' ? best : gains(order, reads)
    const at = (share: number) => got[Math.round(share * reads.length)]!
    const most = (share: number) => best[Math.round(share * reads.length)]!
    hitMass[name] = byBudget(options.budgets, (budget) => (horizonHits > 0 ? at(budget) / horizonHits : 0))
    // Where there is nothing to get, every order is as good as the best.
    ofOracle[name] = byBudget(options.budgets, (budget) => (most(budget) > 0 ? at(budget) / most(budget) : 1))
    curves[name] = Array.from({ length: curveSteps + 1 }, (_, step) => (horizonHits > 0 ? at(step / curveSteps) / horizonHits : 0))
    if (options.handoff !== undefined) handoff[name] = runHandoff(options.handoff, listing(name, order, moment), reads)
  }
  const found = { references: trace.length, cachedPages: reads.length, horizonHits, hitMass, ofOracle, curves }
  return options.handoff === undefined ? found : { ...found, handoff }
}

function momentOf(trace: Trace, notice: number, end: number, { capacity, seed }: SimulationOptions): Moment {
  const history = new AccessHistory()
  const counts = new Uint32Array(trace.keys.size)
  for (const pages of trace.stretches(0, notice)) {
    for (let at = 0; at < pages.length; at++) {
      const page = pages[at]!
      history.access(page)
      counts[page]!++
    }
  }
  const cached = lastUsed(trace, notice, Math.max(1, Math.round(capacity * history.itemsEnd)))
  const places = new Int32Array(trace.keys.size).fill(-1)
  for (let place = 0; place < cached.length; place++) places[cached[place]!] = place
  const reads = new Uint32Array(cached.length)
  for (const pages of trace.stretches(notice, end)) {
    for (let at = 0; at < pages.length; at++) if (places[pages[at]!]! >= 0) reads[places[pages[at]!]!]!++
  }
  let known: Forecast | undefined
  const forecastOnce = () => (known ??= forecast(history, cached, { horizonAccesses: end - notice }))
  return { forecast: forecastOnce, keys: trace.keys, cached, counts, reads, seed }
}

/** The forecast goes by expected reads per byte, as a source with `order: forecast` does; the others as they list. */
function listing(name: OrderName, order: Uint32Array, moment: Moment): Listing {
  return name === 'forecast' ? { order, expected: moment.forecast().scores } : { order }
}

/** The `wanted` pages that were used last before the notice, the latest first. */
function lastUsed(trace: Trace, notice: number, wanted: number): Uint32Array {
  const pages = new Uint32Array(wanted)
  const seen = new Uint8Array(trace.keys.size)
  let found = 0
  for (let reference = notice - 1; reference >= 0 && found < wanted; reference--) {
    const page = trace.at(reference)
    if (seen[page] === 1) continue
    seen[page] = 1
    pages[found++] = page
  }
  return pages.subarray(0, found)
}

/** By number of pages sent: the reads that they get. */
function gains(order: Uint32Array, reads: Uint32Array): Float64Array {
  const sums = new Float64Array(order.length + 1)
  for (let sent = 0; sent < order.length; sent++) sums[sent + 1] = sums[sent]! + reads[order[sent]!]!
  return sums
}

function byBudget(budgets: readonly number[], value: (budget: number) => number): Record<string, number> {
  return Object.fromEntries(budgets.map((budget) => [String(budget), value(budget)]))
}
