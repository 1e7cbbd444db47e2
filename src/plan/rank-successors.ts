// Which of several candidates should inherit, and which of several handoffs one candidate should get (Phanishayee: context factors decide to
// which of several targets a component goes). Pure. The relay decides by it with what peers say of themselves.

import type { Facts, Weights } from '../wire/facts.ts'
import type { Ms } from '../units.ts'

/** What is known of a candidate, in the same units for all. What isn't known neither helps nor harms. */
export interface Candidate extends Omit<Facts, 'prefers'> {
  readonly id: string
  /** Measured towards it. */
  readonly bytesPerSecond?: number | undefined
  /** Until it is expected to be up; 0 when it is. */
  readonly upAfterMs?: Ms | undefined
}

/** What a predecessor has, and how it judges candidates. */
export interface Wish {
  /** The predecessor's own zone and network: what is near counts as better. */
  readonly zone?: string | undefined
  readonly network?: string | undefined
  /** State to move. */
  readonly bytes?: number | undefined
  /** The time there is for it. */
  readonly leftMs?: Ms | undefined
  /** Which part of a divided state it is. */
  readonly part?: string | undefined
  /** What it is worth against other handoffs; without it: 1. */
  readonly worth?: number | undefined
  readonly prefers?: Weights | undefined
}

type Judged = keyof Weights | 'reach'

/** Above all whose part it is, and how much of the state reaches it in time; the rest decides between those that are equal in that. */
const usualWeights: Readonly<Record<Judged, number>> = { part: 16, reach: 8, memory: 4, zone: 2, network: 1, load: 2, price: 1 }

/** For what isn't known. */
const middling = 0.5

/** Whether it may have this at all: a part of a divided state isn't for whoever takes others alone, unless the predecessor doesn't care. */
export function takesPart({ parts = [] }: Pick<Facts, 'parts'>, { part, prefers }: Pick<Wish, 'part' | 'prefers'>): boolean {
  return part === undefined || parts.length === 0 || parts.includes(part) || prefers?.part === 0
}

/** The best first; among equals those that were named first. */
export function rankSuccessors(candidates: readonly Candidate[], wish: Wish): Candidate[] {
  const dearest = Math.max(0, ...candidates.flatMap(({ price }) => price ?? []))
  const rated = candidates.map((candidate) => ({ candidate, score: fitOf(candidate, wish, dearest) }))
  return rated.toSorted((a, b) => b.score - a.score).map(({ candidate }) => candidate)
}

/** The handoffs for one candidate, the best first: by worth times fit; among equals those that were named first. */
export function rankHandoffs<Handoff extends { readonly wish: Wish }>(handoffs: readonly Handoff[], candidate: Candidate): Handoff[] {
  const rated = handoffs.map((handoff) => ({ handoff, score: (handoff.wish.worth ?? 1) * fitOf(candidate, handoff.wish, 0) }))
  return rated.toSorted((a, b) => b.score - a.score).map(({ handoff }) => handoff)
}

/** From 0 to 1. `dearest`: the highest price among the candidates. */
function fitOf(candidate: Candidate, wish: Wish, dearest: number): number {
  const { load, price, parts } = candidate
  const scores: Readonly<Record<Judged, number>> = {
    part: wish.part === undefined || parts === undefined || parts.length === 0 ? middling : parts.includes(wish.part) ? 1 : 0,
    reach: reachOf(candidate, wish),
    memory: memoryOf(candidate, wish),
    zone: same(candidate.zone, wish.zone),
    network: same(candidate.network, wish.network),
    load: load === undefined ? middling : 1 / (1 + coarse(load)),
    price: price === undefined || dearest <= 0 ? middling : 1 - price / dearest,
  }
  const weights = { ...usualWeights, ...wish.prefers }
  let sum = 0
  let all = 0
  for (const [judged, score] of Object.entries(scores)) {
    const weight = weights[judged as Judged]
    sum += weight * score
    all += weight
  }
  return all > 0 ? sum / all : middling
}

/** A load goes up and down all the time: an heir isn't exchanged for another that is a little less busy just now. */
function coarse(load: number): number {
  return Math.round(4 * Math.max(0, load)) / 4
}

/** The share of the state that can be moved to it in time. */
function reachOf({ bytesPerSecond, upAfterMs = 0 }: Candidate, { bytes, leftMs = Infinity }: Wish): number {
  if (upAfterMs >= leftMs) return 0
  if (bytesPerSecond === undefined || bytes === undefined) return middling
  return bytes <= 0 ? 1 : Math.min(1, (((leftMs - upAfterMs) / 1000) * bytesPerSecond) / bytes)
}

/** The share of the state that it has memory for. */
function memoryOf({ freeBytes }: Candidate, { bytes }: Wish): number {
  if (freeBytes === undefined || bytes === undefined) return middling
  return bytes <= 0 ? 1 : Math.min(1, freeBytes / bytes)
}

function same(one: string | undefined, other: string | undefined): number {
  return one === undefined || other === undefined ? middling : one === other ? 1 : 0
}
