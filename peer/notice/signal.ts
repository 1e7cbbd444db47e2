// A signal of the init system or the orchestrator as a notice.

import process from 'node:process'
import type { Notice, NoticeSource } from './notice.ts'

export interface SignalNoticeOptions {
  readonly signal: NodeJS.Signals
  /** How long we have from the signal. */
  readonly deadlineMs: number
}

export function createSignalNotice({ signal: name, deadlineMs }: SignalNoticeOptions): NoticeSource {
  return {
    kind: 'signal',
    async *watch({ signal }) {
      const pending: Notice[] = []
      let wake = () => {}
      const onSignal = () => {
        pending.push({ kind: 'terminate', reason: `signal ${name}`, deadlineMs })
        wake()
      }
      const onAbort = () => wake()
      process.on(name, onSignal)
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        while (!signal.aborted) {
          const notice = pending.shift()
          if (notice !== undefined) yield notice
          else await new Promise<void>((resolve) => (wake = resolve))
        }
      } finally {
        process.off(name, onSignal)
        signal.removeEventListener('abort', onAbort)
      }
    },
  }
}
