// How the hit mass grew with the bytes that were delivered: the curve of a receipt. A good plan's curve is steep at first.

import type { Plan } from '../../src/plan/plan.ts'
import { chunkWeight } from '../../src/plan/chunk-table.ts'
import type { Chunk } from '../../src/chunk/chunk.ts'
import type { Ledger } from './ledger.ts'

/** Bytes, and the hit mass that they bring. */
export type CurvePoint = readonly [bytes: number, hitMass: number]

/** Over the safe packs in the order in which they were made; at most `pointsMax` points, the last one the end. */
export function massCurve(ledger: Ledger, plan: Plan, pointsMax: number): CurvePoint[] {
  const weights = plan.sources().reduce((sum, { weight }) => sum + weight, 0)
  const scales = plan.sources().map(({ index, weight }) => {
    const all = plan.totals(index).weight * weights
    return all > 0 ? weight / all : 0
  })
  const arrived = new Map<Chunk, number>()
  const points: CurvePoint[] = []
  let bytes = 0
  let mass = 0
  for (let number = 0; number < ledger.packs; number++) {
    if (!ledger.isSafe(number)) continue
    for (const { source, chunk, chunkBytes, length } of ledger.parts(number)) {
      bytes += length
      const here = (arrived.get(chunk) ?? 0) + length
      if (here >= chunkBytes) mass += chunkWeight(chunk) * scales[source]!
      else arrived.set(chunk, here)
    }
    points.push([bytes, mass])
  }
  return thinned(points, pointsMax)
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
