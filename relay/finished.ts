// Handoffs that are finished: they are remembered for those who ask again, and count for nothing.

import { finishedPerPoolMax } from '../src/limits/relay.ts'
import type { HandoffRecord } from './store/store.ts'

interface Kept {
  readonly record: HandoffRecord
}

export function openHandoffs(ofPool: Iterable<Kept>): number {
  let count = 0
  for (const { record } of ofPool) if (!record.finished) count++
  return count
}

/** The finished ones of a pool that are too many to be remembered: those that would be forgotten first. */
export function forgettable<Each extends Kept>(ofPool: Iterable<Each>): Each[] {
  const finished = [...ofPool].filter(({ record }) => record.finished)
  if (finished.length <= finishedPerPoolMax) return []
  return finished.sort((a, b) => a.record.expiresAtMs - b.record.expiresAtMs).slice(0, -finishedPerPoolMax)
}
