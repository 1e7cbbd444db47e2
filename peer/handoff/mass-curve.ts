// How the hit mass grew with the bytes that were delivered: the curve of a receipt, and what of it each lane brought. A good plan's curve is
// steep at first.

import type { LaneKind } from '../../src/lane/lane.ts'
import type { Plan } from '../../src/plan/plan.ts'
import { chunkWeight } from '../../src/plan/chunk-table.ts'
import type { Chunk } from '../../src/chunk/chunk.ts'
import type { Ledger } from './ledger.ts'

/** Bytes, and the hit mass that they bring. */
export type CurvePoint = readonly [bytes: number, hitMass: number]

export interface Mass {
  /** Over the safe packs in the order in which they were made; the last point is the end. */
  readonly curve: CurvePoint[]
  /** A chunk counts for the lane of its last part. */
  readonly byLane: ReadonlyMap<LaneKind, number>
}

export function massOf(ledger: Ledger, plan: Plan, pointsMax: number): Mass {
  const weights = plan.sources().reduce((sum, { weight }) => sum + weight, 0)
  const scales = plan.sources().map(({ index, weight }) => {
    const all = plan.totals(index).weight * weights
    return all > 0 ? weight / all : 0
  })
  const arrived = new Map<Chunk, number>()
  const points: CurvePoint[] = []
  const byLane = new Map<LaneKind, number>()
  let bytes = 0
  let mass = 0
  for (let number = 0; number < ledger.packs; number++) {
    if (!ledger.isSafe(number)) continue
    const before = mass
    for (const { source, chunk, chunkBytes, length } of ledger.parts(number)) {
      bytes += length
      const here = (arrived.get(chunk) ?? 0) + length
      if (here >= chunkBytes) mass += chunkWeight(chunk) * scales[source]!
      else arrived.set(chunk, here)
    }
    points.push([bytes, mass])
    const lane = ledger.laneOf(number)
    if (lane !== undefined) byLane.set(lane, (byLane.get(lane) ?? 0) + mass - before)
  }
  return { curve: thinned(points, pointsMax), byLane }
}

/** Points that are about equally far from one another, from nothing to the end. */
export function thinned(points: readonly CurvePoint[], pointsMax: number): CurvePoint[] {
  const last = points.at(-1)
  if (last === undefined) return []
  const kept: CurvePoint[] = [[0, 0]]
  for (const point of points) {
    if (point === last || point[0] >= (kept.length / (pointsMax - 1)) * last[0]) kept.push(rounded(point))
  }
  return kept
}

function rounded([bytes, mass]: CurvePoint): CurvePoint {
  return [Math.round(bytes), Number(mass.toFixed(6))]
}
