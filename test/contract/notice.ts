// What every source of notices must do. A suite gives a way to open one and a way to give a notice by it.

import * as assert from 'uvu/assert'
import type { suite } from 'uvu'
import type { Notice, NoticeKind, NoticeSource } from '../../peer/notice/notice.ts'

export interface OpenedNotice extends AsyncDisposable {
  readonly source: NoticeSource
  /** Gives a notice that leaves this long, once the source watches. */
  give(): Promise<void>
  readonly kind: NoticeKind
  /** What the source says of the time that is left. */
  readonly deadlineMs: number
  /** Where dates have whole seconds. */
  readonly toleranceMs?: number
  /** Of sources whose notice stands for as long as it holds, instead of coming and being over. */
  readonly standing?: {
    /** Gives the same again; resolves when the source has looked. */
    again(): Promise<void>
    takeBack(): Promise<void>
  }
}

export function noticeContract(test: ReturnType<typeof suite>, open: () => Promise<OpenedNotice>): void {
  const watch = async (use: (opened: OpenedNotice, watching: AsyncIterator<Notice>, stop: AbortController) => Promise<void>) => {
    await using opened = await open()
    const stop = new AbortController()
    const watching = opened.source.watch({ signal: stop.signal })[Symbol.asyncIterator]()
    // A source may be the only thing that waits, and a signal handler alone keeps no process alive.
    const alive = setInterval(() => {}, 1000)
    try {
      await use(opened, watching, stop)
    } finally {
      stop.abort()
      await watching.return?.()
      clearInterval(alive)
    }
  }

  test('a notice is told with its kind, a reason for people, and the time that is left', () =>
    watch(async (opened, watching) => {
      const first = watching.next()
      await opened.give()
      const { value, done } = await first
      assert.not.ok(done)
      const { kind, reason, deadlineMs } = value
      const off = Math.abs(deadlineMs - opened.deadlineMs)
      assert.ok(off <= (opened.toleranceMs ?? 0), `${deadlineMs} ms instead of ${opened.deadlineMs}`)
      assert.is(kind, opened.kind)
      assert.ok(reason.length > 0)
    }))

  test('it ends without an error when it is told to stop, also before anything has come', () =>
    watch(async (_opened, watching, stop) => {
      const first = watching.next()
      stop.abort()
      assert.ok((await first).done)
    }))

  test('it may be left after the first notice', () =>
    watch(async (opened, watching) => {
      const first = watching.next()
      await opened.give()
      await first
      await watching.return?.()
      assert.ok((await watching.next()).done)
    }))

  test('a notice that stands is told once, and once more when it is taken back', () =>
    watch(async ({ give, standing }, watching) => {
      if (standing === undefined) return
      const first = watching.next()
      await give()
      const { value: told } = await first
      const next = watching.next()
      await standing.again()
      await standing.takeBack()
      const { value: back } = await next
      assert.ok(back.withdrawn, JSON.stringify(back))
      assert.not.ok(told.withdrawn)
      assert.ok(told.id.length > 0)
      assert.is(back.id, told.id)
    }))
}
