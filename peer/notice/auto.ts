// `kind: auto`: finds the cloud by itself, says how, and then watches it. Looks again for as long as there is none: at the start of a VM
// the network may come up after us.

import { delay } from '../../src/clock.ts'
import { cloudSearchMsMax, metadataRetryMsMax } from '../../src/limits/notice.ts'
import { createCloudNotice, type CloudNoticeOptions } from './cloud.ts'
import { clouds } from './clouds.ts'
import { findCloud, type Search } from './find-cloud.ts'
import { dmiFolder as systemDmiFolder } from './firmware.ts'
import { openHttpCaller } from './http-call.ts'
import type { NoticeSource } from './notice.ts'

export interface AutoNoticeOptions extends Omit<CloudNoticeOptions, 'cloud' | 'deadlineMs'> {
  readonly dmiFolder?: string
}

export function createAutoNotice(options: AutoNoticeOptions): NoticeSource {
  return {
    kind: 'auto',
    async *watch({ signal }) {
      const cloud = await search(options, signal)
      if (cloud !== undefined) yield* createCloudNotice({ ...options, cloud }).watch({ signal })
    },
  }
}

/** Undefined when the signal is aborted first. */
async function search(options: AutoNoticeOptions, signal: AbortSignal): Promise<Search['cloud']> {
  const { clock, tell, endpoint, dmiFolder = systemDmiFolder, random = Math.random, openCaller = openHttpCaller } = options
  await using caller = openCaller()
  for (let pauseMs = metadataRetryMsMax; !signal.aborted; pauseMs = Math.min(2 * pauseMs, cloudSearchMsMax)) {
    const { cloud, how, hint } = await findCloud({ clouds, endpoint, dmiFolder, clock, call: caller.call, signal }).catch(() => ({
      cloud: undefined,
      how: 'stopped',
      hint: undefined,
    }))
    if (signal.aborted) return undefined
    if (cloud !== undefined) {
      tell('cloud-found', { cloud: cloud.kind, name: cloud.name, how })
      return cloud
    }
    // Once, and not at every try.
    if (pauseMs === metadataRetryMsMax) tell('cloud-unknown', { how, ...(hint !== undefined && { firmware: hint.kind }) })
    await delay(clock, pauseMs * (0.9 + 0.1 * random()), signal).catch(() => {})
  }
  return undefined
}
