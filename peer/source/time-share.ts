// The inventory of a source that others make: an application, a program. It has a share of the time, and what it has listed by then goes.

import type { Chunk } from '../../src/chunk/chunk.ts'
import type { Clock } from '../../src/clock.ts'
import { Deadline } from '../../src/deadline.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { inventoryTimeoutMs } from '../../src/limits/handoff.ts'
import { inventoryChunksMax } from '../../src/limits/source.ts'
import type { InventoryQuery, WaitOptions } from './source.ts'

export interface TimeShareOptions extends WaitOptions {
  readonly name: string
  readonly list: (options: WaitOptions) => AsyncIterable<Chunk[]>
  /** What the configuration says; a third of the deadline in any case. */
  readonly timeoutMs: number | undefined
  readonly clock: Clock
  /** What is told when the time is over, such as `no whole index`, and what that led to. */
  readonly late: { readonly what: string; readonly consequence?: string }
  /** For a failure that has no hint of its own. */
  readonly hint?: string
  readonly onWarning: ((message: string) => void) | undefined
}

/** Throws `source-failed` when nothing at all was listed, or the signal's reason. */
export async function* withinTimeShare(
  { deadlineMs }: InventoryQuery,
  { name, list, timeoutMs = inventoryTimeoutMs, clock, late, hint, onWarning, signal }: TimeShareOptions,
): AsyncGenerator<Chunk[]> {
  const shareMs = Math.min(timeoutMs, deadlineMs / 3)
  using limited = Deadline.after(clock, shareMs).signal(signal)
  let chunks = 0
  try {
    for await (const batch of list({ signal: limited.signal })) {
      chunks += batch.length
      if (chunks > inventoryChunksMax) throw new HeirloomError('source-failed', `more than ${inventoryChunksMax} chunks are listed`)
      yield batch
    }
  } catch (thrown) {
    signal.throwIfAborted()
    const error = asHeirloomError(thrown)
    const why = limited.signal.aborted ? `${late.what} within ${Math.round(shareMs)} ms${late.consequence ?? ''}` : error.message
    const ownHint = error.hint ?? hint
    // What has come is used; only that there was nothing at all is a failure of the source.
    if (chunks === 0) throw new HeirloomError('source-failed', why, { cause: thrown, ...(ownHint !== undefined && { hint: ownHint }) })
    onWarning?.(`${name}: ${why}; the ${chunks} chunks that were listed go`)
  }
}
