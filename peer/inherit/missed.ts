// What an heir says of what did not come. It knows from what the predecessor sealed, the last pack and its sources' promises; what a relay says
// of it is told only where it differs.

import type { Inheritance, InheritanceEnd } from './successor.ts'
import type { Restorer } from './restorer.ts'

/** Numbers that are named one by one. */
const namedMax = 12

export function missedNotes(restorer: Restorer, { packs: said, falsePacks }: Inheritance, end: InheritanceEnd): string[] {
  const notes: string[] = []
  if (falsePacks > 0)
    notes.push(`${falsePacks} packs that the relay gave out were not sealed by the predecessor, or were altered, and are not used`)
  if (end !== 'partial') return notes
  const { packs } = restorer
  if (packs === undefined) {
    notes.push("the predecessor's last pack did not come: how much is missing is not known")
    return notes
  }
  const missing = [...restorer.missingBelow(packs)]
  if (missing.length > 0) {
    const named = missing.slice(0, namedMax).join(', ')
    notes.push(`${missing.length} of ${packs} packs did not come: ${named}${missing.length > namedMax ? ', …' : ''}`)
  }
  if (said !== undefined && said !== packs) notes.push(`there were ${packs} packs, and the relay says that there were ${said}`)
  return notes
}
