// Who watches for notices, tells the policy of each, and keeps account of them: one handoff, whatever comes how often; what is withdrawn or a mere
// restart ends nothing; what a cloud wants acknowledged is acknowledged when the handoff is over, and not before.
//
// A handoff under way has until the soonest of all ends that stand. One that is moved, cut short or comes later moves it; when one is withdrawn, those
// hold that are left, and if none is, the handoff goes on to the end it had: its heir may count on it, and state that was copied is not lost here.

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
  /** The handoff that is under way has until then, on the monotonic clock. */
  readonly moved: (endsMs: number) => void
}

/** What a handoff is begun for: a notice's kind, or what else the policy calls it. */
interface Occasion {
  readonly kind: string
  readonly deadlineMs: number
  /** Of a notice that may be moved or withdrawn. */
  readonly id?: string
}

export class Lookout {
  readonly #options: LookoutOptions
  /** When the VM goes, on the monotonic clock, by each notice that stands; undefined while there is no handoff. */
  #ends: Map<string, number> | undefined
  /** The soonest of them, as the handoff knows it. */
  #endsMs = Infinity
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
      for await (const notice of source.watch({ signal })) this.#react(notice, notice.id ?? `${source.kind} ${notice.kind}`)
    } catch (thrown) {
      if (signal.aborted) return
      const { code, message } = asHeirloomError(thrown)
      this.#options.tell('warning', { message: `notice ${source.kind}: ${message}`, code })
    }
  }

  /** `id` is the notice's own, or what those of its source and kind go by. */
  #react(notice: Notice, id: string): void {
    const { kind, reason, deadlineMs } = notice
    const { tell, end, decide } = this.#options
    if (notice.withdrawn) {
      this.#standing.delete(id)
      this.#owed.delete(id)
      this.#ends?.delete(id)
      return tell('notice-withdrawn', { kind, reason, ...this.#state(), change: this.#follow() })
    }
    if (kind === 'restart') {
      tell('restart', { reason, ...this.#state() })
      return end()
    }
    if (notice.acknowledge !== undefined) this.#standing.set(id, notice)
    if (this.#ends !== undefined && kind !== 'rebalance') {
      this.#began({ ...notice, id }, notice.id !== undefined)
      tell('notice-again', { kind, reason, deadlineMs, change: this.#follow() })
    }
    decide({ ...notice, id })
  }

  /** Runs the handoff that the policy has decided on, or joins the one that is under way. */
  async handOff(occasion: Occasion, run: () => Promise<unknown>): Promise<void> {
    this.begin(occasion)
    await run()
  }

  /** A handoff has begun, or its end was said once more, by whomever. */
  begin(occasion: Occasion): void {
    const isFirst = this.#ends === undefined
    this.#began(occasion)
    if (isFirst) this.#endsMs = Math.min(...this.#ends!.values())
    else this.#follow()
  }

  /** Only a cloud, which knows which notice it means, can give more time: a second SIGTERM doesn't. */
  #began({ kind, deadlineMs, id = kind }: Occasion, canMoveLater = false): void {
    this.#ends ??= new Map()
    const endsMs = this.#options.clock.monotonicMs() + deadlineMs
    this.#ends.set(id, canMoveLater ? endsMs : Math.min(endsMs, this.#ends.get(id) ?? Infinity))
    for (const [standing, notice] of this.#standing) if (notice.kind === kind) this.#owed.set(standing, notice)
  }

  /** Moves the handoff's end to the soonest that stands; answers how it has moved. */
  #follow(): 'sooner' | 'later' | 'none' {
    if (this.#ends === undefined || this.#ends.size === 0) return 'none'
    const endsMs = Math.min(...this.#ends.values())
    const laterMs = endsMs - this.#endsMs
    if (Math.abs(laterMs) <= noticeMovedMs) return 'none'
    this.#endsMs = endsMs
    this.#options.moved(endsMs)
    return laterMs < 0 ? 'sooner' : 'later'
  }

  #state(): { handoff: 'none' | 'begun' } {
    return { handoff: this.#ends === undefined ? 'none' : 'begun' }
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
