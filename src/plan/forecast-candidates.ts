// The ways to look at a history that the forecast chooses from and mixes. None is best for every workload: a loop needs what
// followed the last like moment, a shop what is popular, a batch what was read just now.

import type { EpochTable } from './epoch-table.ts'
import type { Past } from './forecast-backtest.ts'
import { experienceScores } from './forecast-experience.ts'
import { totalOne, weightedScores } from './forecast-scores.ts'
import { similarities } from './forecast-similarity.ts'
import { views, type Traits } from './forecast-traits.ts'
import { fading, floor, following, scaled, type EpochWeights } from './forecast-weights.ts'

/** How long after a like moment its reads count, in epochs; what came soon counts several times. */
const reaches = [8, 16, 32, 64, 128]

/** The places of plain frequency and of plain recency among the candidates. */
export const [frequencyCandidate, recencyCandidate] = [5, 6] as const

/**
 * What is trusted before the history has shown anything: the replay of similar moments, which held on most workloads, and a little each of
 * frequency and of the views of experience, whose mistakes are others. Adds up to 1.
 */
export const core = [4, 0, 0, 0, 0, 1, 0, ...views.map(() => 1)].map((part) => part / 8)

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
    totalOne(recency),
    ...experienceScores(past, cut, traits),
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
  const aged = (curve: Float64Array, halfLife: number) => curve.map((value, epoch) => value ** 1.5 * 2 ** ((epoch - cut) / halfLife))
  const never = new Float64Array(cut)
  const [little, some] = [scaled(floor(cut), 0.03), scaled(floor(cut), 0.05)]
  return [
    // What followed similar moments: of all time; old moments fading; after sudden turns.
    { accesses: following(square, reaches), uses: some, leans: true },
    { accesses: following(aged(together, 512), reaches), uses: some, leans: true },
    { accesses: following(aged(likeness[0]!, 256), reaches), uses: some, leans: true },
    // Fading frequency; only what came at once after similar moments; frequency of all time.
    { accesses: fading(cut, 256), uses: never },
    { accesses: following(square, [8, 16]), uses: little, leans: true },
    { accesses: new Float64Array(cut).fill(1), uses: never },
  ]
}

function geometricMean(curves: readonly Float64Array[]): Float64Array {
  return curves[0]!.map((_, epoch) => curves.reduce((all, curve) => all * curve[epoch]!, 1) ** (1 / curves.length))
}
