// Which of several candidates should inherit (Phanishayee: context factors decide to which of several targets a component goes). Pure.

import type { Ms } from '../units.ts'

/** What is known of a candidate, in the same units for all. What isn't known neither helps nor harms. */
export interface Candidate {
  readonly id: string
  readonly zone?: string | undefined
  /** Runnable processes per core. */
  readonly load?: number | undefined
  readonly price?: number | undefined
  readonly network?: string | undefined
  /** Measured towards it. */
  readonly bytesPerSecond?: number | undefined
  /** Until it is expected to be up; 0 when it is. */
  readonly upAfterMs?: Ms | undefined
}

/** How the candidates are judged; a weight of 0 leaves a factor out. */
export interface Preference {
  /** The predecessor's own zone and network: what is near counts as better. */
  readonly zone?: string | undefined
  readonly network?: string | undefined
  /** State to move, and the time there is for it. */
  readonly bytes: number
  readonly leftMs: Ms
  readonly weights?: Partial<Readonly<Record<Judged, number>>>
}

type Judged = 'reach' | 'zone' | 'network' | 'load' | 'price'

/** Above all how much of the state reaches it in time; the rest decides between those that are equal in that. */
const usualWeights: Readonly<Record<Judged, number>> = { reach: 8, zone: 2, network: 1, load: 2, price: 1 }

/** For what isn't known. */
const middling = 0.5

/** The best first; among equals those that were named first. */
export function rankSuccessors(candidates: readonly Candidate[], preference: Preference): Candidate[] {
  const prices = candidates.flatMap(({ price }) => price ?? [])
  const dearest = Math.max(0, ...prices)
  const rated = candidates.map((candidate) => ({ candidate, score: scoreOf(candidate, preference, dearest) }))
  return rated.toSorted((a, b) => b.score - a.score).map(({ candidate }) => candidate)
}

function scoreOf(candidate: Candidate, preference: Preference, dearest: number): number {
  const { load, price } = candidate
  const scores: Readonly<Record<Judged, number>> = {
    reach: reachOf(candidate, preference),
    zone: same(candidate.zone, preference.zone),
    network: same(candidate.network, preference.network),
    load: load === undefined ? middling : 1 / (1 + Math.max(0, load)),
    price: price === undefined || dearest <= 0 ? middling : 1 - price / dearest,
  }
  const weights = { ...usualWeights, ...preference.weights }
  return Object.entries(scores).reduce((sum, [judged, score]) => sum + weights[judged as Judged] * score, 0)
}

/** The share of the state that can be moved to it in time. */
function reachOf({ bytesPerSecond, upAfterMs = 0 }: Candidate, { bytes, leftMs }: Preference): number {
  if (upAfterMs >= leftMs) return 0
  if (bytesPerSecond === undefined) return middling
  return bytes <= 0 ? 1 : Math.min(1, (((leftMs - upAfterMs) / 1000) * bytesPerSecond) / bytes)
}

function same(one: string | undefined, other: string | undefined): number {
  return one === undefined || other === undefined ? middling : one === other ? 1 : 0
}
