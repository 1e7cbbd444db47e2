// The ways to look at a history that the forecast chooses from and mixes. None is best for every workload: a loop needs what
// followed the last like moment, a shop what is popular, a batch what was read just now.

import type { EpochTable } from './epoch-table.ts'
import type { Past } from './forecast-backtest.ts'
import { experienceScores } from './forecast-experience.ts'
import { totalOne, weightedScores } from './forecast-scores.ts'
import { similarities } from './forecast-similarity.ts'
import type { Traits } from './forecast-traits.ts'
import { fading, floor, following, scaled, type EpochWeights } from './forecast-weights.ts'

/** How long after a like moment its reads count, in epochs; what came soon counts several times. */
const reaches = [8, 16, 32, 64, 128]

/**
 * What each candidate counts for where the history can't tell them apart. Frequency is never far off; what looks at the last moments alone is,
 * as a rule, and has to prove itself.
 */
export const candidatePriors = [3, 1, 0.5, 0.2, 1, 1, 0.5, 0.8, 0.5, 0.5, 0.5, 0.5] as const

/** The places of plain frequency and of plain recency among the candidates: the better one of these is always mixed in a little. */
export const [frequencyCandidate, recencyCandidate] = [0, 11] as const

/** What is known of the items that are scored, beside the table. */
export interface Scored {
  readonly items: Uint32Array
  readonly traits: Traits
  /** By place in `items`: how long ago it was used last, in epochs. Without it: as the table has it. */
  readonly ages?: Float64Array
}

/** By candidate, then by place in `items`: the score from what was before `cut` alone. */
export function candidateScores(past: Past, cut: number, { items, traits, ages }: Scored): Float64Array[] {
  const recency = (ages ?? agesOf(past.table, cut, items)).map((age) => 1 / (1 + age))
  return [
    ...weightedScores(past.table, cut, epochWeights(past.table, cut), items),
    ...experienceScores(past, cut, traits),
    totalOne(recency),
  ]
}

function agesOf({ offsets, epoch }: EpochTable, cut: number, items: Uint32Array): Float64Array {
  return Float64Array.from(items, (item) => {
    let end = offsets[item + 1]!
    while (end > offsets[item]! && epoch[end - 1]! >= cut) end--
    return end > offsets[item]! ? cut - epoch[end - 1]! - 0.5 : cut
  })
}

function epochWeights(table: EpochTable, cut: number): EpochWeights[] {
  const likeness = similarities(table, cut)
  const together = geometricMean(likeness)
  const square = together.map((value) => value ** 2)
  const everything = new Float64Array(cut).fill(1)
  const aged = (curve: Float64Array, halfLife: number) => curve.map((value, epoch) => value ** 1.5 * 2 ** ((epoch - cut) / halfLife))
  const [faint, little, some] = [0.001, 0.03, 0.05].map((factor) => scaled(floor(cut), factor)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  return [
    // Frequency: of all time, and fading.
    { accesses: everything, uses: faint },
    { accesses: fading(cut, 256), uses: faint },
    { accesses: fading(cut, 64), uses: some },
    { accesses: fading(cut, 16), uses: some },
    // What followed similar moments: near and far; old moments fading; after sudden turns; only what came at once.
    { accesses: following(square, reaches), uses: some },
    { accesses: following(aged(together, 512), reaches), uses: some },
    { accesses: following(aged(likeness[0]!, 256), reaches), uses: some },
    { accesses: following(square, [8, 16]), uses: little },
  ]
}

function geometricMean(curves: readonly Float64Array[]): Float64Array {
  return curves[0]!.map((_, epoch) => curves.reduce((all, curve) => all * curve[epoch]!, 1) ** (1 / curves.length))
}
