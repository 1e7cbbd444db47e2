// What items looked like before an epoch, in a few coarse traits. Two items with the same traits can't be told apart by experience.

import type { EpochTable } from './epoch-table.ts'

/** Three views of an item, each with 24 rows of 16 bins: what is rare leans on its row. */
export const views = ['age and uses', 'age and gap', 'accesses of all time and of late'] as const
export const [viewRows, viewBins] = [24, 16] as const

/** Epochs in which an access of late loses half its weight. */
const lateHalfLife = 32

export interface Traits {
  /** By place in the items: its accesses before the epoch. */
  readonly accesses: Float64Array
  /** By view and place in the items: row × viewBins + bin. */
  readonly bins: readonly Uint16Array[]
}

/** The traits of `items` from the epochs before `cut`. */
export function traitsOf({ offsets, epoch, count }: EpochTable, cut: number, items: Uint32Array): Traits {
  const late = Float64Array.from({ length: cut + 1 }, (_, age) => 2 ** (-age / lateHalfLife))
  const all = new Float64Array(items.length)
  const bins = views.map(() => new Uint16Array(items.length))
  const [ageAndUses, ageAndGap, allAndLate] = bins as [Uint16Array, Uint16Array, Uint16Array]
  for (let at = 0; at < items.length; at++) {
    const end = offsets[items[at]! + 1]!
    let [accesses, recent, uses, last, before] = [0, 0, 0, 0, -1]
    for (let place = offsets[items[at]!]!; place < end && epoch[place]! < cut; place++) {
      if (uses++ > 0) before = last
      last = epoch[place]!
      accesses += count[place]!
      recent += count[place]! * late[cut - last]!
    }
    const age = octaves(cut - last, 2, viewRows)
    all[at] = accesses
    ageAndUses[at] = age * viewBins + octaves(uses, 1.5, viewBins)
    ageAndGap[at] = age * viewBins + (before < 0 ? viewBins - 1 : octaves(last - before, 2, viewBins - 1))
    allAndLate[at] = octaves(accesses, 2, viewRows) * viewBins + octaves(recent * 32, 1.5, viewBins)
  }
  return { accesses: all, bins }
}

/** A number of 1 or more as one of `bins`, `perOctave` of them to a doubling; the first and the last have all that is beyond. */
function octaves(value: number, perOctave: number, bins: number): number {
  return value <= 1 ? 0 : Math.min(bins - 1, Math.floor(perOctave * Math.log2(value)))
}
