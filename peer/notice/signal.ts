// A signal of the init system or the orchestrator as a notice.

import process from 'node:process'
import { NoticeQueue } from './notice-queue.ts'
import type { NoticeSource } from './notice.ts'
import { stopReason, type StopReason } from './stop-reason.ts'

export interface SignalNoticeOptions {
  readonly signal: NodeJS.Signals
  /** How long we have from the signal. */
  readonly deadlineMs: number
  readonly reasonOf?: () => Promise<StopReason>
}

export function createSignalNotice({ signal: name, deadlineMs, reasonOf = stopReason }: SignalNoticeOptions): NoticeSource {
  return {
    kind: 'signal',
    async *watch({ signal }) {
      const queue = new NoticeQueue()
      const tell = ({ restart, why }: StopReason) => {
        const reason = why === undefined ? `signal ${name}` : `signal ${name}: ${why}`
        queue.push({ kind: restart ? 'restart' : 'terminate', reason, deadlineMs })
      }
      // Only SIGTERM is what a service is stopped with; other signals are sent on purpose.
      const onSignal = () => {
        if (name !== 'SIGTERM') return tell({ restart: false })
        reasonOf().then(tell, () => tell({ restart: false }))
      }
      process.on(name, onSignal)
      try {
        yield* queue.drain(signal)
      } finally {
        process.off(name, onSignal)
      }
    },
  }
}
