// From a place in the order to a probability: which share of the items that stood there at earlier moments was read in the horizon.

import { rankDescending, rankKeys } from './rank.ts'

const bins = 64

/** Read probabilities over the order, best first. */
export interface Calibration {
  /** `place`: 0 for the best item, 1 for the worst. */
  probability(place: number): number
}

export interface JudgedOrder {
  readonly scores: Float64Array
  readonly reads: Float64Array
}

/** Learns from earlier orders and what was read then. Without any the answer is undefined. */
export function calibrate(orders: readonly JudgedOrder[]): Calibration | undefined {
  const items = new Float64Array(bins)
  const read = new Float64Array(bins)
  for (const { scores, reads } of orders) {
    for (const [rank, item] of rankDescending(rankKeys(scores)).entries()) {
      const bin = binOf((rank + 0.5) / scores.length)
      items[bin]!++
      if (reads[item]! > 0) read[bin]!++
    }
  }
  const steps = falling(items, read)
  return steps.length === 0 ? undefined : { probability: (place) => between(steps, place) }
}

/** Bins are narrow where the order is steep: the best 1.6 % of the items have the first eight. */
function binOf(place: number): number {
  return Math.min(bins - 1, Math.floor(bins * Math.sqrt(place)))
}

interface Step {
  place: number
  items: number
  read: number
}

/** A better place is never less likely to be read: neighbours that say otherwise are taken together (pool adjacent violators). */
function falling(items: Float64Array, read: Float64Array): Step[] {
  const steps: Step[] = []
  for (let bin = 0; bin < bins; bin++) {
    if (items[bin] === 0) continue
    let step = { place: ((bin + 0.5) / bins) ** 2, items: items[bin]!, read: read[bin]! }
    for (let last = steps.at(-1); last !== undefined && last.read * step.items < step.read * last.items; last = steps.at(-1)) {
      const together = last.items + step.items
      step = { place: (last.place * last.items + step.place * step.items) / together, items: together, read: last.read + step.read }
      steps.pop()
    }
    steps.push(step)
  }
  return steps
}

function between(steps: readonly Step[], place: number): number {
  const next = steps.findIndex((step) => step.place >= place)
  const [before, after] = next === -1 ? [steps.at(-1)!, steps.at(-1)!] : [steps[Math.max(0, next - 1)]!, steps[next]!]
  const way = after.place > before.place ? Math.max(0, (place - before.place) / (after.place - before.place)) : 0
  return (1 - way) * (before.read / before.items) + way * (after.read / after.items)
}
