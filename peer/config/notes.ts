// What a valid configuration asks for that this version passes over: worth a word, not an error.

import { packBytesTarget } from '../../src/limits/wire.ts'
import { formatSize } from '../../src/units.ts'
import type { PeerConfig } from './schema.ts'

/** One sentence for each. */
export function configNotes(config: PeerConfig): string[] {
  const notes: string[] = []
  for (const { name, kind, divide } of config.sources) {
    if (divide !== undefined && divide.targetBytes > packBytesTarget)
      notes.push(`sources ${name}: divide.target is more than a pack holds; pieces have at most ${formatSize(packBytesTarget)}`)
    if (kind === 'app' && divide?.by === 'content')
      notes.push(`sources ${name}: only the application could divide its chunks by content; its small ones are grouped`)
  }
  const { parts = [], split } = config.policy
  for (const part of split === undefined ? [] : parts)
    if (!split!.parts.includes(part)) notes.push(`policy.parts: ${part} is no part of policy.split, by which this VM's state is divided`)
  if (config.notices.length === 0) notes.push('notices: without any, only `heirloom handoff` starts a handoff')
  return notes
}
