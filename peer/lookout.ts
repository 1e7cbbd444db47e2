// Who watches for notices, and decides what each means for the VM: one handoff, whatever comes how often; a hint alone ends nothing that
// the policy doesn't end; what a cloud wants acknowledged is acknowledged when the handoff is over, and not before.

import { delay, type Clock } from '../src/clock.ts'
import { asHeirloomError } from '../src/errors.ts'
import { acknowledgeTimeoutMs, metadataRetryMs, noticeMovedMs } from '../src/limits.ts'
import type { Policy } from '../src/plan/policy.ts'
import type { Notice, NoticeSource } from './notice/notice.ts'

interface LookoutOptions {
  readonly sources: readonly NoticeSource[]
  readonly on: Policy['on']
  readonly clock: Clock
  readonly tell: (event: string, fields: Record<string, unknown>) => void
  /** Hands off, or joins the handoff that is under way; resolves when it is over. */
  readonly handOff: (notice: { reason: string; deadlineMs: number }) => Promise<unknown>
  /** Ends the agent without a handoff. */
  readonly end: () => void
}

export class Lookout {
  readonly #options: LookoutOptions
  /** When the VM goes, on the monotonic clock, by the soonest notice; undefined while there is no handoff. */
  #endsMs: number | undefined
  /** What to acknowledge when the handoff is over, by the notice's id. */
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
    const { kind, reason, deadlineMs } = notice
    const { tell, end, on } = this.#options
    if (notice.withdrawn) {
      this.#owed.delete(notice.id ?? '')
      return tell('notice-withdrawn', { kind, reason, ...this.#state() })
    }
    if (kind === 'restart') {
      tell('restart', { reason, ...this.#state() })
      return end()
    }
    const reaction = on[kind]
    if (reaction === 'handoff') this.#handOff(notice)
    else tell('notice-ignored', { kind, reason, deadlineMs, reaction })
  }

  #state(): { handoff: 'none' | 'begun' } {
    return { handoff: this.#endsMs === undefined ? 'none' : 'begun' }
  }

  #handOff(notice: Notice): void {
    const { kind, reason, deadlineMs, id = '' } = notice
    const { clock, tell, handOff } = this.#options
    const endsMs = clock.monotonicMs() + deadlineMs
    if (notice.acknowledge !== undefined) this.#owed.set(id, notice)
    if (this.#endsMs !== undefined) {
      // What has been begun can't be given more time: its plan is made.
      const change = endsMs < this.#endsMs - noticeMovedMs ? 'sooner' : endsMs > this.#endsMs + noticeMovedMs ? 'later' : 'none'
      tell('notice-again', { kind, reason, deadlineMs, change })
    }
    this.#endsMs = Math.min(endsMs, this.#endsMs ?? Infinity)
    void handOff({ reason, deadlineMs }).catch(() => {})
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
