// A state that is divided among several heirs: one handoff for each part, side by side (PROTOCOL.md, "Parts"). They share the reading of the
// inventories, the deadline and what the policy allows; what becomes of one is nothing to the others.

import { Deadline } from '../../src/deadline.ts'
import { asHeirloomError } from '../../src/errors.ts'
import type { HandoffDraft } from '../../src/seal/handoff-header.ts'
import type { HandoffEnd } from '../handoff/account.ts'
import { Allowance } from '../handoff/allowance.ts'
import type { HandoffOptions } from '../handoff/options.ts'
import { handOff, prepareHandoff, type Predecessor } from '../handoff/predecessor.ts'
import type { Standing } from '../handoff/standing.ts'
import type { HandoffProgress, HandoffResult } from '../result.ts'
import type { Partition } from './partition.ts'
import { sourcesOfParts } from './part-sources.ts'
import { wholeOf, wholeReceipt, type LostPart, type PartEnd } from './whole.ts'

export interface PartsOptions extends Omit<HandoffOptions, 'ahead' | 'draft' | 'allowance'> {
  readonly partition: Partition
  /** What was sent ahead of the notice, by part. */
  readonly aheads?: readonly (Standing | undefined)[]
  readonly drafts?: readonly HandoffDraft[]
}

/** Throws what made it impossible to hand off any of them. */
export async function handOffParts(options: PartsOptions): Promise<{ result: HandoffResult; receipt: string }> {
  const { partition, events, reason, deadlineMs } = options
  events.emit('notice', { reason, deadlineMs })
  const asked = optionsOfParts(options)
  const prepared = await Promise.all(asked.map((each) => prepareHandoff(each)))
  const handoffs = partition.parts.map((part, index) => ({ part, handoff: prepared[index]!.handoffHex }))
  events.emit('split', { parts: handoffs })
  // All in one turn, so that each source is asked once for all.
  const ended = await Promise.allSettled(prepared.map((predecessor, index) => run(predecessor, asked[index]!)))
  const parts: PartEnd[] = []
  const lost: LostPart[] = []
  for (const [index, end] of ended.entries()) {
    const { part, handoff } = handoffs[index]!
    if (end.status === 'fulfilled') parts.push({ ...end.value, part })
    else {
      const { code, message } = asHeirloomError(end.reason)
      lost.push({ part, handoff, outcome: code === 'fenced' ? 'fenced' : 'partial', why: message })
    }
  }
  if (parts.length === 0) throw (ended[0] as PromiseRejectedResult).reason
  const result = wholeOf(parts, lost)
  return { result, receipt: wholeReceipt(result, parts, reason) }
}

function optionsOfParts({ partition, aheads, drafts, ...options }: PartsOptions): HandoffOptions[] {
  const { clock, deadlineMs, wish, onProgress } = options
  const { parts } = partition
  const sources = sourcesOfParts(options.sources, partition)
  const deadline = options.deadline ?? Deadline.after(clock, deadlineMs)
  const allowance = new Allowance(options, parts.length)
  const progress = onProgress && new SummedProgress(onProgress)
  return parts.map((part, index) => ({
    ...options,
    deadline,
    allowance,
    sources: sources[index]!,
    wish: { ...wish, part, ...(wish?.bytes !== undefined && { bytes: wish.bytes / parts.length }) },
    ahead: aheads?.[index],
    draft: drafts?.[index],
    ...(progress && { onProgress: (own: HandoffProgress) => progress.moved(index, own) }),
  }))
}

/** What was sent ahead may turn out to be an heir's already, or at a relay that is lost: then all of that part goes anew. */
async function run(predecessor: Predecessor, options: HandoffOptions): Promise<HandoffEnd> {
  try {
    return await predecessor.run()
  } catch (thrown) {
    if (options.ahead?.isLost !== true) throw thrown
    return await handOff({ ...options, ahead: undefined, draft: undefined, deadlineMs: options.deadline!.leftMs })
  }
}

class SummedProgress {
  readonly #parts = new Map<number, HandoffProgress>()
  readonly #onProgress: (progress: HandoffProgress) => void

  constructor(onProgress: (progress: HandoffProgress) => void) {
    this.#onProgress = onProgress
  }

  moved(index: number, own: HandoffProgress): void {
    this.#parts.set(index, own)
    const sum = (of: 'bytesDone' | 'bytesPlanned' | 'chunksDone' | 'chunksPlanned') =>
      this.#parts.values().reduce((total, part) => total + part[of], 0)
    this.#onProgress({
      ...own,
      bytesDone: sum('bytesDone'),
      bytesPlanned: sum('bytesPlanned'),
      chunksDone: sum('chunksDone'),
      chunksPlanned: sum('chunksPlanned'),
    })
  }
}
