// A cloud, a clock that is moved by hand, and what watches the one by the other.

import * as assert from 'uvu/assert'
import { createCloudNotice } from '../../peer/notice/cloud.ts'
import { clouds } from '../../peer/notice/clouds.ts'
import type { Notice, NoticeSource } from '../../peer/notice/notice.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import type { FakeCloudKind } from './endpoints.ts'
import { FakeCloud } from './fake-cloud.ts'
import { memoryCaller } from './memory-caller.ts'

/** Sunday, 18 January 2026, 12:00. */
export const startMs = Date.UTC(2026, 0, 18, 12)

export interface Told {
  readonly event: string
  readonly [field: string]: unknown
}

export class Watching implements AsyncDisposable {
  readonly clock = new ManualClock(startMs)
  readonly cloud: FakeCloud
  /** All notices so far. */
  readonly notices: Notice[] = []
  readonly told: Told[] = []
  readonly #stop = new AbortController()
  #over: Promise<void> | undefined

  constructor(kind: FakeCloudKind) {
    this.cloud = new FakeCloud(kind, () => this.clock.nowMs())
  }

  /** Watches the cloud as the agent would, or what `open` makes. Resolves when everything has been asked once. */
  async start({ deadlineMs, open }: { deadlineMs?: number; open?: (watching: Watching) => NoticeSource } = {}): Promise<this> {
    const cloud = clouds.find(({ kind }) => kind === this.cloud.kind)!
    const common = { cloud, clock: this.clock, tell: this.tell, random: () => 1, openCaller: memoryCaller(this.cloud) }
    const source = open?.(this) ?? createCloudNotice({ ...common, ...(deadlineMs !== undefined && { deadlineMs }) })
    this.#over = this.#collect(source)
    await this.settled()
    return this
  }

  readonly tell = (event: string, fields: Readonly<Record<string, unknown>>) => void this.told.push({ event, ...fields })

  /** Lets time pass in small steps, and lets everybody do what is due in each. Answers the notices that came of it. */
  async pass(durationMs: number): Promise<Notice[]> {
    const before = this.notices.length
    for (let leftMs = durationMs; leftMs > 0; leftMs -= 250) {
      this.clock.advance(Math.min(250, leftMs))
      await this.settled()
    }
    return this.notices.slice(before)
  }

  /** Passes time until the next poll, and answers the one notice that must come of it. */
  async one(durationMs = 2_000): Promise<Notice> {
    const came = await this.pass(durationMs)
    assert.is(came.length, 1, JSON.stringify(came))
    return came[0]!
  }

  /** Everything in memory that could go on has gone on. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#over
    assert.is(this.clock.waiting, 0, 'a timer is left')
  }

  async #collect(source: NoticeSource): Promise<void> {
    for await (const notice of source.watch({ signal: this.#stop.signal })) this.notices.push(notice)
  }
}
