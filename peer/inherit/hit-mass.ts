// The share of the expected reads that an heir can serve by now: what was restored, and what was fetched elsewhere.

import type { Origins } from './origins.ts'
import type { Restorer } from './restorer.ts'

/** The share of the expected reads that is restored; every source counts the same. */
export function hitMassOf(restorer: Restorer, origins: Origins): number {
  const masses = [...hitMassesOf(restorer, origins).values()]
  return masses.length === 0 ? 0 : masses.reduce((sum, mass) => sum + mass, 0) / masses.length
}

export function hitMassesOf({ sources, restored }: Restorer, { weights }: Origins): Map<string, number> {
  const weightOf = (source: number) => (restored.weights.get(source) ?? 0) + (weights.get(source) ?? 0)
  const massOf = (source: number, readProbability: number) => (readProbability > 0 ? Math.min(1, weightOf(source) / readProbability) : 1)
  return new Map([...sources.values()].map(({ source, name, readProbability }) => [name, massOf(source, readProbability)]))
}
