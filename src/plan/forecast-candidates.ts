// The ways to look at a history that the forecast chooses from and mixes. None is best for every workload: a loop needs what
// followed the last like moment, a shop what is popular, a batch what was read just now.

import type { EpochTable } from './epoch-table.ts'
import { similarities } from './forecast-similarity.ts'
import { fading, floor, following, scaled, type EpochWeights } from './forecast-weights.ts'

const reaches = [8, 16, 32, 64, 128]

/** The candidates' weights for every epoch before `cut`, from what was before `cut` alone. */
export function candidates(table: EpochTable, cut: number): EpochWeights[] {
  const likeness = similarities(table, cut)
  const together = geometricMean(likeness)
  const nothing = new Float64Array(cut)
  const everything = new Float64Array(cut).fill(1)
  const little = scaled(floor(cut), 0.05)
  const aged = (curve: Float64Array, halfLife: number) => curve.map((value, epoch) => value ** 1.5 * 2 ** ((epoch - cut) / halfLife))
  return [
    // What followed similar moments: near and far, old moments fading, sudden turns, and only what came at once.
    {
      accesses: following(
        together.map((value) => value ** 2),
        reaches,
      ),
      uses: little,
    },
    { accesses: following(aged(together, 512), reaches), uses: little },
    { accesses: following(aged(likeness[0]!, 256), reaches), uses: little },
    {
      accesses: following(
        together.map((value) => value ** 2),
        [8, 16],
      ),
      uses: scaled(floor(cut), 0.03),
    },
    // Frequency: of all time, and fading.
    { accesses: everything, uses: scaled(floor(cut), 0.001) },
    { accesses: fading(cut, 256), uses: scaled(floor(cut), 0.001) },
    { accesses: fading(cut, 64), uses: little },
    { accesses: fading(cut, 16), uses: little },
    // In how many epochs, without regard to how often in each.
    { accesses: nothing, uses: everything },
    { accesses: nothing, uses: fading(cut, 64) },
    // Recency.
    { accesses: nothing, uses: fading(cut, 2) },
  ]
}

function geometricMean(curves: readonly Float64Array[]): Float64Array {
  return curves[0]!.map((_, epoch) => curves.reduce((all, curve) => all * curve[epoch]!, 1) ** (1 / curves.length))
}
