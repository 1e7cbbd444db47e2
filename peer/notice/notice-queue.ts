// Notices from several watchers, in the order in which they come, for one reader.

import { noticesWaitingMax } from '../../src/limits/notice.ts'
import type { Notice } from './notice.ts'

export class NoticeQueue {
  readonly #waiting: Notice[] = []
  #wake = () => {}

  push(notice: Notice): void {
    // Nobody reads: the first ones are those that matter.
    if (this.#waiting.length < noticesWaitingMax) this.#waiting.push(notice)
    this.#wake()
  }

  /** Every notice, until the signal is aborted. */
  async *drain(signal: AbortSignal): AsyncGenerator<Notice> {
    const onAbort = () => this.#wake()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      while (!signal.aborted) {
        const notice = this.#waiting.shift()
        if (notice !== undefined) yield notice
        else await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}
