// From an order to probabilities: what share of the items of a rank was read at earlier moments. By rank and not by score, since a
// score's size depends on how long the history is, and how many items a horizon reads hardly does.

import { rankDescending, rankKeys } from './rank.ts'

/** Bins in an octave of ranks, and octaves. The last bin is the first rank. */
const [binsPerOctave, octaves] = [24, 32]
const bins = octaves * binsPerOctave

export interface Judged {
  /** By item. */
  readonly scores: Float64Array
  /** By item: the reads that followed. */
  readonly reads: Float64Array
}

/**
 * Learns from earlier scores, of a `share` of all items, and what was read then. The answer turns a rank among all items, 0 for the best, into
 * the probability of one read or more; undefined when there was nothing to learn from.
 */
export function calibrate(moments: readonly Judged[], share: number): ((rank: number) => number) | undefined {
  const items = new Float64Array(bins)
  const read = new Float64Array(bins)
  for (const { scores, reads } of moments) {
    for (const [rank, item] of rankDescending(rankKeys(scores)).entries()) {
      const bin = Math.floor(placeOf(rank / share))
      items[bin]!++
      if (reads[item]! > 0) read[bin]!++
    }
  }
  const steps = rising(items, read)
  return steps.length === 0 ? undefined : (rank) => between(steps, placeOf(rank))
}

/** Where the bins have this rank, from 0 to before `bins`: the better, the higher. */
function placeOf(rank: number): number {
  return Math.max(0, bins - 1 - Math.log2(rank + 1) * binsPerOctave)
}

interface Step {
  /** The middle of its items' bins. */
  readonly place: number
  readonly items: number
  readonly read: number
}

/** A better rank is never less likely to be read: neighbours that say otherwise are taken together (pool adjacent violators). */
function rising(items: Float64Array, read: Float64Array): Step[] {
  const steps: Step[] = []
  for (let bin = 0; bin < bins; bin++) {
    if (items[bin] === 0) continue
    let step: Step = { place: bin + 0.5, items: items[bin]!, read: read[bin]! }
    for (let last = steps.at(-1); last !== undefined && last.read * step.items > step.read * last.items; last = steps.at(-1)) {
      const together = last.items + step.items
      step = { place: (last.place * last.items + step.place * step.items) / together, items: together, read: last.read + step.read }
      steps.pop()
    }
    steps.push(step)
  }
  return steps
}

function between(steps: readonly Step[], place: number): number {
  let [low, high] = [0, steps.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (steps[middle]!.place <= place) low = middle
    else high = middle
  }
  const [before, after] = [steps[low]!, steps[high]!]
  const way = after.place > before.place ? Math.max(0, Math.min(1, (place - before.place) / (after.place - before.place))) : 0
  return (1 - way) * (before.read / before.items) + way * (after.read / after.items)
}
