// What one question to a metadata service raises, kept from one answer to the next: only what has changed is told. Pure but for the clock.
//
// Invariant: a flag is told once, and again only when its time has moved, the hint has become certain, or it has been withdrawn.

import type { Clock } from '../../src/clock.ts'
import { noticeFlagsMax, noticeLateMs, noticeLeadMs, noticeMovedMs } from '../../src/limits/notice.ts'
import type { Notice, NoticeKind } from './notice.ts'

/** What a metadata service says that will happen to this VM, for as long as it says so. */
export interface Flag {
  readonly id: string
  readonly kind: NoticeKind
  readonly reason: string
  /** When, on the monotonic clock. */
  readonly atMs?: number
  /** At most this long after it was first seen: of a flag that doesn't say its time, or that begins at once. */
  readonly withinMs?: number
  /** It may be announced long before. Until shortly before its time it is a mere hint, since the VM has work to do until then. */
  readonly ahead?: boolean
  readonly acknowledge?: Notice['acknowledge']
}

interface Told {
  readonly kind: NoticeKind
  readonly reason: string
  readonly atMs: number
}

export class FlagBoard {
  readonly #clock: Clock
  #told = new Map<string, Told>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes all flags that are raised now; answers what of it is news. */
  update(flags: readonly Flag[]): Notice[] {
    const nowMs = this.#clock.monotonicMs()
    const news: Notice[] = []
    const raised = new Map<string, Told>()
    for (const flag of flags.slice(0, noticeFlagsMax)) {
      const before = this.#told.get(flag.id)
      const atMs = timeOf(flag, before, nowMs)
      const kind = flag.ahead === true && atMs - nowMs > noticeLeadMs ? 'rebalance' : flag.kind
      const isNews = before === undefined || before.kind !== kind || Math.abs(before.atMs - atMs) >= noticeMovedMs
      raised.set(flag.id, isNews ? { kind, reason: flag.reason, atMs } : before)
      if (isNews) news.push(noticeOf(flag, kind, leftMs(atMs, nowMs)))
    }
    for (const [id, { kind, reason, atMs }] of this.#told) {
      if (!raised.has(id)) news.push({ id, kind, reason, deadlineMs: leftMs(atMs, nowMs), withdrawn: true })
    }
    this.#told = raised
    return news
  }
}

function timeOf({ atMs = Infinity, withinMs }: Flag, before: Told | undefined, nowMs: number): number {
  if (withinMs === undefined) return atMs === Infinity ? nowMs + noticeLateMs : atMs
  return Math.min(atMs, before?.atMs ?? Infinity, nowMs + withinMs)
}

/** A VM that still runs when its time has passed has some left, but nobody knows how much. */
function leftMs(atMs: number, nowMs: number): number {
  return atMs > nowMs ? Math.round(atMs - nowMs) : noticeLateMs
}

function noticeOf({ id, reason, acknowledge }: Flag, kind: NoticeKind, deadlineMs: number): Notice {
  return { id, kind, reason, deadlineMs, ...(acknowledge !== undefined && { acknowledge }) }
}
