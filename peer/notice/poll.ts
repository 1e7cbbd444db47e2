// Asks one question of a metadata service again and again. What fails is told once, asked again with a growing pause, and forgotten when
// it succeeds; meanwhile what was raised counts as raised.

import { delay, type Clock } from '../../src/clock.ts'
import { asHeirloomError } from '../../src/errors.ts'
import { metadataRetryMs, metadataRetryMsMax } from '../../src/limits/notice.ts'
import { FlagBoard, type Flag } from './flag-board.ts'
import type { WaitOptions } from './metadata-service.ts'
import type { Notice, TellNoticeEvent } from './notice.ts'

/** What the service says now. `held`: it answered when something changed, and may be asked again at once. */
export interface Sighting {
  readonly flags: readonly Flag[]
  readonly held?: boolean
}

export interface Watched {
  /** For people: what is asked. */
  readonly name: string
  /** Throws when it got no answer that can be read. */
  look(options: WaitOptions): Promise<Sighting>
}

interface PollOptions {
  readonly source: string
  readonly watched: Watched
  readonly everyMs: number
  readonly clock: Clock
  /** 0 to 1. */
  readonly random: () => number
  readonly tell: TellNoticeEvent
  readonly onNotice: (notice: Notice) => void
  readonly signal: AbortSignal
}

/** Until the signal is aborted; then it resolves. */
export async function poll({ source, watched, everyMs, clock, random, tell, onNotice, signal }: PollOptions): Promise<void> {
  const board = new FlagBoard(clock)
  const subject = { source, question: watched.name }
  let failures = 0
  while (!signal.aborted) {
    let pauseMs = everyMs
    try {
      const { flags, held = false } = await watched.look({ signal })
      if (held) pauseMs = 0
      if (failures > 0) tell('metadata-answers', subject)
      failures = 0
      for (const notice of board.update(flags)) onNotice(notice)
    } catch (thrown) {
      if (signal.aborted) return
      const { code, message, hint } = asHeirloomError(thrown)
      if (failures === 0) tell('metadata-silent', { ...subject, code, reason: message, ...(hint !== undefined && { hint }) })
      pauseMs = Math.min(metadataRetryMs * 2 ** Math.min(failures, 20), metadataRetryMsMax)
      failures++
    }
    // Shorter, never longer: what polls on the same tick everywhere hits all services at once, and what polls later misses notices.
    if (pauseMs > 0) await delay(clock, pauseMs * (0.9 + 0.1 * random()), signal).catch(() => {})
  }
}
