// How much the moment before each past epoch looked like now: by the items that were used just before. An item that is used in
// every epoch says nothing about the time, so each counts by one over the number of its epochs.

import type { EpochTable } from './epoch-table.ts'
import { sampled } from './forecast-backtest.ts'

/** Epochs of context that are compared, together: the newest alone sees a change at once, eight see a pattern. */
const contexts = [1, 2, 4, 8] as const
const contextMax = 8

/** Items that are looked at: a sample of these is as good as all of them. */
const sampleItems = 40_000

/**
 * For each context length the likeness, 0 to 1, of the context before every epoch up to `cut` to the context before `cut`.
 * Only what was before `cut` is looked at.
 */
export function similarities(table: EpochTable, cut: number): Float64Array[] {
  const { columns, diagonal } = overlaps(table, cut)
  return contexts.map((context) => {
    const likeness = new Float64Array(cut)
    let own = 0
    for (let back = 1; back <= Math.min(context, cut); back++) own += diagonal[cut - back]!
    let highest = 0
    for (let epoch = 1; epoch < cut; epoch++) {
      let shared = 0
      let other = 0
      for (let back = 1; back <= Math.min(context, epoch); back++) {
        shared += columns[(back - 1) * cut + epoch - back]!
        other += diagonal[epoch - back]!
      }
      likeness[epoch] = other > 0 && own > 0 ? shared / Math.sqrt(other * own) : 0
      highest = Math.max(highest, likeness[epoch]!)
    }
    return highest > 0 ? likeness.map((value) => value / highest) : likeness.fill(1)
  })
}

/** What each epoch shares with the last few before `cut`, by how far back these are, and with itself. */
function overlaps({ offsets, epoch }: EpochTable, cut: number): { columns: Float64Array; diagonal: Float64Array } {
  const columns = new Float64Array(contextMax * cut)
  const diagonal = new Float64Array(cut)
  for (const item of sampled(offsets.length - 1, sampleItems)) {
    const start = offsets[item]!
    let end = offsets[item + 1]!
    while (end > start && epoch[end - 1]! >= cut) end--
    if (end === start) continue
    const share = 1 / (end - start)
    for (let place = start; place < end; place++) diagonal[epoch[place]!]! += share
    for (let recent = end - 1; recent >= start && epoch[recent]! >= cut - contextMax; recent--) {
      const column = (cut - epoch[recent]! - 1) * cut
      for (let place = start; place < end; place++) columns[column + epoch[place]!]! += share
    }
  }
  return { columns, diagonal }
}
