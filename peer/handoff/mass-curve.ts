// How the hit mass grew with the bytes that were delivered: the curve of a receipt, and what of it each lane brought. A good plan's curve is
// steep at first.

import type { LaneKind } from '../../src/lane/lane.ts'
import type { Plan } from '../../src/plan/plan.ts'
import { chunkWeight } from '../../src/plan/chunk-table.ts'
import { ByteRanges } from '../../src/chunk/byte-ranges.ts'
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
  /** Of chunks that went in parts: what of them has come. */
  const parted = new Map<Chunk, ByteRanges>()
  const points: CurvePoint[] = []
  const byLane = new Map<LaneKind, number>()
  let bytes = 0
  let mass = 0
  for (let number = 0; number < ledger.packs; number++) {
    if (!ledger.isSafe(number)) continue
    const before = mass
    for (const { source, chunk, chunkBytes, offset, length } of ledger.parts(number)) {
      bytes += length
      if (isNowWhole(parted, chunk, { chunkBytes, offset, length })) mass += chunkWeight(chunk) * scales[source]!
    }
    points.push([bytes, mass])
    const lane = ledger.laneOf(number)
    if (lane !== undefined) byLane.set(lane, (byLane.get(lane) ?? 0) + mass - before)
  }
  return { curve: thinned(points, pointsMax), byLane }
}

/** Whether it is this part with which the chunk is whole. */
function isNowWhole(parted: Map<Chunk, ByteRanges>, chunk: Chunk, part: { chunkBytes: number; offset: number; length: number }): boolean {
  if (part.length >= part.chunkBytes && !parted.has(chunk)) return true
  const ranges = parted.get(chunk) ?? new ByteRanges()
  const before = ranges.bytes
  ranges.add(part.offset, part.length)
  parted.set(chunk, ranges)
  return before < part.chunkBytes && ranges.bytes >= part.chunkBytes
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
