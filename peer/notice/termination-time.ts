// The clouds whose notice is one time in one place: nothing there, or the time at which the VM goes.

import { parseCloudDate } from './cloud-date.ts'
import { refused, unreadable, type MetadataAnswer, type Question, type WaitOptions } from './metadata-service.ts'
import type { Watched } from './poll.ts'

interface TerminationTimeOptions {
  readonly id: string
  readonly path: string
  readonly reason: string
  /** Of times that don't name their zone: minutes ahead of UTC. */
  readonly zoneMinutes: number
  ask(question: Question, options: WaitOptions): Promise<MetadataAnswer>
}

export function watchTerminationTime({ id, path, reason, zoneMinutes, ask }: TerminationTimeOptions): Watched {
  return {
    name: 'spot/termination-time',
    async look(options) {
      const answer = await ask({ path }, options)
      if (answer.status === 404) return { flags: [] }
      if (answer.status !== 200) throw refused(answer, path)
      if (answer.text === '') return { flags: [] }
      const timeMs = parseCloudDate(answer.text, { zoneMinutes })
      if (timeMs === undefined) throw unreadable(path)
      return { flags: [{ id, kind: 'preempt', reason, atMs: answer.at(timeMs) }] }
    },
  }
}
