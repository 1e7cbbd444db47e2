// A handoff of the cached pages in virtual time: both channels take packs from one plan, the planner that the agent runs, as fast as they
// drain. Directly to the successor once it is there; into the relay's store before that, and beside it when the time is too short for one.
// What lies in the store the successor fetches when it is up, in the order in which it was stored.

import type { Chunk } from '../../src/chunk/chunk.ts'
import { packBytesTarget } from '../../src/limits/wire.ts'
import { capacitiesOf, needsBoth } from '../../src/plan/channels.ts'
import { Plan } from '../../src/plan/plan.ts'
import type { Bytes, BytesPerSecond, Ms } from '../../src/units.ts'

export interface HandoffTerms {
  readonly deadlineMs: Ms
  /** Of each channel, and of the successor's fetching from the store. */
  readonly bytesPerSecond: BytesPerSecond
  /** After the notice. */
  readonly successorAfterMs: Ms
  readonly pageBytes: Bytes
}

/** The pages of an order, the first one first: places of cached pages. */
export interface Listing {
  readonly order: Uint32Array
  /** By place: the reads that the order expects, for one that goes by expected reads per byte. */
  readonly expected?: Float64Array
}

export interface HandoffRun {
  readonly chunks: { readonly planned: number; readonly delivered: number; readonly leftOut: number }
  readonly bytes: { readonly planned: number; readonly delivered: number }
  readonly lanes: Readonly<Record<'fast' | 'store', { readonly packs: number; readonly bytes: number }>>
  /** Shares of the reads to cached pages after the notice: as the order expected, as it came, and what no order could exceed. */
  readonly hitMass: { readonly predicted: number | undefined; readonly delivered: number; readonly bound: number }
  /** When the successor had pages for these shares of the reads, after the notice; null for never. */
  readonly warmAfterMs: Readonly<Record<string, Ms | null>>
}

const warmShares = [0.25, 0.5, 0.75, 0.9] as const

interface Lane {
  readonly upAfterMs: Ms
  freeAtMs: Ms
  packs: Pack[]
}

interface Pack {
  readonly places: readonly number[]
  readonly bytes: Bytes
  readonly doneAtMs: Ms
}

/** `reads`: by place, the references in the horizon. */
export function runHandoff(terms: HandoffTerms, listing: Listing, reads: Uint32Array): HandoffRun {
  const plan = planOf(listing, terms.pageBytes)
  const planned = plan.totals(0)
  const fast: Lane = { upAfterMs: terms.successorAfterMs, freeAtMs: terms.successorAfterMs, packs: [] }
  const store: Lane = { upAfterMs: 0, freeAtMs: 0, packs: [] }
  drain(plan, planned.bytes, terms, fast, store)
  const packs = [...fast.packs, ...store.packs]
  const horizonHits = sum(reads)
  const gained = ({ places }: Pack) => places.reduce((all, place) => all + reads[place]!, 0) / Math.max(1, horizonHits)
  const bytesOf = (of: readonly Pack[]) => of.reduce((all, { bytes }) => all + bytes, 0)
  const delivered = packs.reduce((all, { places }) => all + places.length, 0)
  const expected = listing.expected
  return {
    chunks: { planned: planned.chunks, delivered, leftOut: planned.chunks - delivered },
    bytes: { planned: planned.bytes, delivered: bytesOf(packs) },
    lanes: {
      fast: { packs: fast.packs.length, bytes: bytesOf(fast.packs) },
      store: { packs: store.packs.length, bytes: bytesOf(store.packs) },
    },
    hitMass: {
      predicted:
        expected && packs.reduce((all, { places }) => all + places.reduce((of, place) => of + expected[place]!, 0), 0) / sum(expected),
      delivered: packs.reduce((all, pack) => all + gained(pack), 0),
      bound: bestPossible(terms, reads),
    },
    warmAfterMs: warmAfter(arrivals(terms, fast, store), gained),
  }
}

function planOf({ order, expected }: Listing, pageBytes: Bytes): Plan {
  const plan = new Plan()
  const { index } = plan.addSource('trace', 'trace', { order: expected === undefined ? 'app' : 'forecast' })
  const chunk = (place: number): Chunk => ({
    id: String(place),
    kind: 'data',
    bytes: pageBytes,
    ...(expected !== undefined && { readProbability: expected[place]! }),
  })
  plan.add(index, Array.from(order, chunk))
  plan.settle(index)
  return plan
}

/** The lane that is free first takes the next pack; one that can't carry it within the deadline takes no more. */
function drain(plan: Plan, plannedBytes: Bytes, terms: HandoffTerms, fast: Lane, store: Lane): void {
  const { deadlineMs, bytesPerSecond } = terms
  let left = plannedBytes
  let isStoreInUse = false
  while (!plan.isEmpty(0)) {
    const lane = fast.freeAtMs <= store.freeAtMs ? fast : store
    const nowMs = lane.freeAtMs
    if (nowMs >= deadlineMs) return
    if (lane === store && nowMs >= fast.upAfterMs) {
      isStoreInUse = needsBoth({ bytes: left, leftMs: deadlineMs - nowMs, bytesPerSecond, isInUse: isStoreInUse })
      if (!isStoreInUse && fast.freeAtMs < deadlineMs) {
        store.freeAtMs = fast.freeAtMs + 1e-6
        continue
      }
    }
    const chunks = plan.take(0, packBytesTarget, nowMs)
    const bytes = chunks.reduce((all, chunk) => all + chunk.bytes!, 0)
    const doneAtMs = nowMs + (bytes / bytesPerSecond) * 1000
    lane.freeAtMs = doneAtMs
    if (doneAtMs > deadlineMs) plan.giveBack(0, chunks)
    else {
      left -= bytes
      lane.packs.push({ places: chunks.map(({ id }) => Number(id)), bytes, doneAtMs })
    }
  }
}

/** What the linear program allows an order that knows the reads: with what is stored counting fully, since the successor does come. */
function bestPossible({ deadlineMs, bytesPerSecond, successorAfterMs, pageBytes }: HandoffTerms, reads: Uint32Array): number {
  const channel = { bytesPerSecond, likelihood: 1 }
  const capacities = capacitiesOf(
    [
      { ...channel, lane: 'fast', upAfterMs: successorAfterMs },
      { ...channel, lane: 'store', upAfterMs: 0 },
    ],
    deadlineMs,
  )
  const order = Uint32Array.from(reads.keys())
  return sum(reads) === 0 ? 1 : planOf({ order, expected: Float64Array.from(reads) }, pageBytes).bound(capacities)
}

/** All packs with the time at which the successor has them. */
function arrivals({ successorAfterMs, bytesPerSecond }: HandoffTerms, fast: Lane, store: Lane): Pack[] {
  let fetchedMs = successorAfterMs
  const fetched = store.packs.map((pack) => {
    fetchedMs = Math.max(fetchedMs, pack.doneAtMs) + (pack.bytes / bytesPerSecond) * 1000
    return { ...pack, doneAtMs: fetchedMs }
  })
  return [...fast.packs, ...fetched].sort((a, b) => a.doneAtMs - b.doneAtMs)
}

function warmAfter(packs: readonly Pack[], gained: (pack: Pack) => number): Record<string, Ms | null> {
  const warm: Record<string, Ms | null> = Object.fromEntries(warmShares.map((share) => [String(share), null]))
  let mass = 0
  for (const pack of packs) {
    mass += gained(pack)
    for (const share of warmShares) if (mass >= share - 1e-9) warm[String(share)] ??= Math.round(pack.doneAtMs)
  }
  return warm
}

function sum(values: Uint32Array | Float64Array): number {
  let all = 0
  for (const value of values) all += value
  return all
}
