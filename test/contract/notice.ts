// What every source of notices must do. A suite gives a way to open one and a way to give a notice by it.

import * as assert from 'uvu/assert'
import type { suite } from 'uvu'
import type { NoticeSource } from '../../peer/notice/notice.ts'

export interface OpenedNotice extends AsyncDisposable {
  readonly source: NoticeSource
  /** Gives a notice that leaves this long, once the source watches. */
  give(): Promise<void>
  /** What the source says of the time that is left. */
  readonly deadlineMs: number
}

export function noticeContract(test: ReturnType<typeof suite>, open: () => Promise<OpenedNotice>): void {
  test('a notice is told with its kind, a reason for people, and the time that is left', async () => {
    await using opened = await open()
    const stop = new AbortController()
    const watching = opened.source.watch({ signal: stop.signal })[Symbol.asyncIterator]()
    // A source may be the only thing that waits, and a signal handler alone keeps no process alive.
    const alive = setInterval(() => {}, 1000)
    const first = watching.next()
    await opened.give()
    const { value, done } = await first
    clearInterval(alive)
    assert.not.ok(done)
    assert.is(value.deadlineMs, opened.deadlineMs)
    assert.is(value.kind, 'terminate')
    assert.ok(value.reason.length > 0)
    stop.abort()
    await watching.return?.()
  })

  test('it ends without an error when it is told to stop, also before anything has come', async () => {
    await using opened = await open()
    const stop = new AbortController()
    const watching = opened.source.watch({ signal: stop.signal })[Symbol.asyncIterator]()
    const first = watching.next()
    stop.abort()
    assert.ok((await first).done)
  })
}
