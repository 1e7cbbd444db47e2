// From a score to a probability. An item's share of all scores, times all reads of a horizon, is how often it should be read; which
// share of the items that should have been read so often was read at all, at earlier moments, is how likely it is.

/** Bins in an octave of expected reads, and octaves under and over one expected read. */
const [binsPerOctave, octaves] = [6, 24]
const bins = 2 * octaves * binsPerOctave

export interface Judged {
  /** By item, adding up to 1. */
  readonly scores: Float64Array
  /** By item: the reads that followed. */
  readonly reads: Float64Array
}

/** Learns from earlier scores and what was read then. The answer turns expected reads into the probability of one or more. */
export function calibrate(moments: readonly Judged[]): (expectedReads: number) => number {
  const items = new Float64Array(bins)
  const read = new Float64Array(bins)
  for (const { scores, reads } of moments) {
    const all = reads.reduce((sum, count) => sum + count, 0)
    for (let item = 0; item < scores.length; item++) {
      const bin = Math.floor(placeOf(scores[item]! * all))
      items[bin]!++
      if (reads[item]! > 0) read[bin]!++
    }
  }
  const steps = rising(items, read)
  // Without experience reads are taken to come by chance.
  return steps.length === 0 ? (expectedReads) => 1 - Math.exp(-expectedReads) : (expectedReads) => between(steps, placeOf(expectedReads))
}

/** Where the bins have this number of expected reads, from 0 to before `bins`. */
function placeOf(expectedReads: number): number {
  return Math.max(0, Math.min(bins - 1e-6, (Math.log2(expectedReads) + octaves) * binsPerOctave))
}

interface Step {
  /** The middle of its items' bins. */
  readonly place: number
  readonly items: number
  readonly read: number
}

/** A higher score is never less likely to be read: neighbours that say otherwise are taken together (pool adjacent violators). */
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
