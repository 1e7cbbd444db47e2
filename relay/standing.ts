// Handoffs that were begun ahead of any notice (src/wire/PROTOCOL.md, "Ahead of the notice").

import type { Ahead, HandoffRecord } from './store/store.ts'

/** A standing handoff that was claimed is over for its predecessor, which was gone: the epoch fences it. */
export function isLost({ ahead, epoch }: HandoffRecord): boolean {
  return ahead?.standing === true && epoch > 0
}

/**
 * What a repeated offer makes of it, or undefined when nothing changes: what stands is kept for as long as it is renewed; with the notice it
 * becomes a handoff like any other, and a repeat that comes late doesn't undo that.
 */
export function renewedAhead({ ahead: before }: HandoffRecord, ahead: Ahead | undefined, nowMs: number): { ahead: Ahead } | undefined {
  if (before === undefined || !before.standing) return undefined
  const since = Math.max(before.since, ahead?.since ?? 0)
  return { ahead: { standing: ahead?.standing ?? false, since, asOfMs: ahead?.asOfMs ?? nowMs } }
}
