// Who watches for notices, tells the policy of each, and keeps account of them: one handoff, whatever comes how often; what is withdrawn or a mere
// restart ends nothing; what a cloud wants acknowledged is acknowledged when the handoff is over, and not before.

import { delay, type Clock } from '../src/clock.ts'
import { asHeirloomError } from '../src/errors.ts'
import { acknowledgeTimeoutMs, metadataRetryMs, noticeMovedMs } from '../src/limits/notice.ts'
import type { Notice, NoticeSource } from './notice/notice.ts'

interface LookoutOptions {
  readonly sources: readonly NoticeSource[]
  readonly clock: Clock
  readonly tell: (event: string, fields: Record<string, unknown>) => void
  /** What a notice leads to, now or later: through `handOff`, or nothing. */
  readonly decide: (notice: Notice) => void
  /** Ends the agent without a handoff. */
  readonly end: () => void
}

/** What a handoff is begun for: a notice's kind, or what else the policy calls it. */
interface Occasion {
  readonly kind: string
  readonly deadlineMs: number
}

export class Lookout {
  readonly #options: LookoutOptions
  /** When the VM goes, on the monotonic clock, by the soonest notice; undefined while there is no handoff. */
  #endsMs: number | undefined
  /** What wants to be acknowledged, by the notice's id; and of these what led to the handoff, or came while it was under way. */
  readonly #standing = new Map<string, Notice>()
  readonly #owed = new Map<string, Notice>()

  constructor(options: LookoutOptions) {
    this.#options = options
  }

  /** Until the signal is aborted. Never rejects. */
  async watch({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    await Promise.all(this.#options.sources.map((source) => this.#watch(source, signal)))
  }

  /** To be called when the handoff is over, while the sources still watch: tells every cloud that wants to know. Never rejects. */
  async acknowledge(): Promise<void> {
    await Promise.all([...this.#owed.values()].map((notice) => this.#acknowledge(notice)))
    this.#owed.clear()
  }

  async #watch(source: NoticeSource, signal: AbortSignal): Promise<void> {
    try {
      for await (const notice of source.watch({ signal })) this.#react(notice)
    } catch (thrown) {
      if (signal.aborted) return
      const { code, message } = asHeirloomError(thrown)
      this.#options.tell('warning', { message: `notice ${source.kind}: ${message}`, code })
    }
  }

  #react(notice: Notice): void {
    const { kind, reason, deadlineMs, id = '' } = notice
    const { clock, tell, end, decide } = this.#options
    if (notice.withdrawn) {
      this.#standing.delete(id)
      this.#owed.delete(id)
      return tell('notice-withdrawn', { kind, reason, ...this.#state() })
    }
    if (kind === 'restart') {
      tell('restart', { reason, ...this.#state() })
      return end()
    }
    if (notice.acknowledge !== undefined) this.#standing.set(id, notice)
    if (this.#endsMs !== undefined && kind !== 'rebalance') {
      const endsMs = clock.monotonicMs() + deadlineMs
      // What has been begun can't be given more time: its plan is made.
      const change = endsMs < this.#endsMs - noticeMovedMs ? 'sooner' : endsMs > this.#endsMs + noticeMovedMs ? 'later' : 'none'
      tell('notice-again', { kind, reason, deadlineMs, change })
      this.#began(notice)
    }
    decide(notice)
  }

  /** Runs the handoff that the policy has decided on, or joins the one that is under way. */
  async handOff(occasion: Occasion, run: () => Promise<unknown>): Promise<void> {
    this.#began(occasion)
    await run()
  }

  #began({ kind, deadlineMs }: Occasion): void {
    this.#endsMs = Math.min(this.#options.clock.monotonicMs() + deadlineMs, this.#endsMs ?? Infinity)
    for (const [id, notice] of this.#standing) if (notice.kind === kind) this.#owed.set(id, notice)
  }

  #state(): { handoff: 'none' | 'begun' } {
    return { handoff: this.#endsMs === undefined ? 'none' : 'begun' }
  }

  /** Tries until the time for it is over; the VM is going all the same. */
  async #acknowledge({ acknowledge, reason }: Notice): Promise<void> {
    const { clock, tell } = this.#options
    const over = new AbortController()
    const cancel = clock.after(acknowledgeTimeoutMs, () => over.abort())
    let last: unknown
    try {
      while (!over.signal.aborted) {
        try {
          await acknowledge?.({ signal: over.signal })
          return tell('notice-acknowledged', { reason })
        } catch (thrown) {
          if (!over.signal.aborted) last = thrown
          await delay(clock, metadataRetryMs, over.signal).catch(() => {})
        }
      }
      const { code, message } = asHeirloomError(last ?? over.signal.reason)
      tell('warning', { message: `the notice could not be acknowledged: ${message}`, code })
    } finally {
      cancel()
    }
  }
}
