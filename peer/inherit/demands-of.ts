// What demands know of an inheritance, and what is told of its packs.

import type { Clock } from '../../src/clock.ts'
import { eventIdsMax } from '../../src/limits/demand.ts'
import { Demands } from './demands.ts'
import type { Restorer } from './restorer.ts'
import type { Inheritance } from './successor.ts'
import type { RestoredPack } from './waiting-pack.ts'

export function demandsOf(clock: Clock, restorer: Restorer, inheritance: () => Inheritance): Demands {
  return new Demands({
    clock,
    sourceOf: (name) => [...restorer.sources.values()].find((summary) => summary.name === name)?.source,
    nameOf: (source) => restorer.sources.get(source)?.name,
    isRestored: (source, id) => restorer.restored.has(source, id),
    isPackRestored: (number) => restorer.isPassed(number) && !restorer.superseded.has(number),
    isPackHere: (number) => restorer.have.has(number) || restorer.superseded.has(number),
    direct: () => inheritance().direct,
    store: () => inheritance().store,
    packs: () => inheritance().packs,
    onDemand: () => inheritance().calm(),
  })
}

/** The first of the ids that are in place: an event for each would be as long as the state. */
export function namedIds({ settled }: RestoredPack): { sources: { source: string; ids: string[] }[]; more: number } {
  let left = eventIdsMax
  let more = 0
  const sources = settled.map(({ source, restored }) => {
    const ids = restored.slice(0, left)
    left -= ids.length
    more += restored.length - ids.length
    return { source, ids }
  })
  return { sources, more }
}
