// What the clouds have in common: a metadata service, questions that are asked side by side so that one that hangs holds up no other,
// and a way to recognise it.

import type { Clock } from '../../src/clock.ts'
import { openHttpCaller, type HttpCaller } from './http-call.ts'
import { MetadataService, type WaitOptions } from './metadata-service.ts'
import { NoticeQueue } from './notice-queue.ts'
import type { NoticeSource, TellNoticeEvent } from './notice.ts'
import { poll, type Watched } from './poll.ts'

export type CloudKind = 'aws' | 'gcp' | 'azure' | 'alibaba' | 'tencent'

export interface CloudSettings {
  /** How long the VM has, where the cloud doesn't say. */
  readonly deadlineMs: number
  readonly tell: TellNoticeEvent
}

/** One cloud. Its file says which of its documents it follows. */
export interface Cloud {
  readonly kind: CloudKind
  /** For people. */
  readonly name: string
  /** Where its metadata service answers. */
  readonly endpoint: string
  readonly everyMs: number
  readonly deadlineMs: number
  /** What to do when its metadata service doesn't answer. */
  readonly hint: string
  /** Whether this cloud's metadata service answers there, and no other's. May throw as the service does. */
  recognise(service: MetadataService, options: WaitOptions): Promise<boolean>
  /** What is watched. */
  watch(service: MetadataService, settings: CloudSettings): readonly Watched[]
}

export interface CloudNoticeOptions {
  readonly cloud: Cloud
  readonly endpoint?: string
  readonly everyMs?: number
  readonly deadlineMs?: number
  readonly clock: Clock
  readonly tell: TellNoticeEvent
  /** 0 to 1. */
  readonly random?: () => number
  readonly openCaller?: () => HttpCaller
}

export function createCloudNotice(options: CloudNoticeOptions): NoticeSource {
  const { cloud, endpoint = cloud.endpoint, everyMs = cloud.everyMs, deadlineMs = cloud.deadlineMs, clock, tell } = options
  const { random = Math.random, openCaller = openHttpCaller } = options
  return {
    kind: cloud.kind,
    async *watch({ signal }) {
      await using caller = openCaller()
      const service = new MetadataService({ endpoint, clock, call: caller.call })
      const queue = new NoticeQueue()
      // The reader may leave before the signal says so.
      const left = new AbortController()
      const either = AbortSignal.any([signal, left.signal])
      const common = { source: cloud.kind, everyMs, clock, random, tell, signal: either, onNotice: queue.push.bind(queue) }
      const polls = cloud.watch(service, { deadlineMs, tell }).map((watched) => poll({ ...common, watched }))
      try {
        yield* queue.drain(either)
      } finally {
        left.abort()
        await Promise.all(polls)
      }
    },
  }
}
