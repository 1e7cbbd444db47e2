// What a valid configuration asks for that this version passes over: worth a word, not an error.

import { builtLanes } from '../../src/plan/policy.ts'
import type { PeerConfig } from './schema.ts'

/** One sentence for each. */
export function configNotes(config: PeerConfig): string[] {
  const notes: string[] = []
  const missing = config.policy.lanes.filter((lane) => !builtLanes.includes(lane))
  if (missing.length > 0) notes.push(`policy.lanes: ${missing.join(' and ')} isn't offered by this version yet and is passed over`)
  for (const { name, divide } of config.sources) {
    if (divide !== undefined)
      notes.push(`sources ${name}: divide isn't offered by this version yet; the state is divided as its kind of source does it`)
  }
  if (config.notices.length === 0) notes.push('notices: without any, only `heirloom handoff` starts a handoff')
  return notes
}
