// From one `notices` entry of the configuration to what watches for it.

import type { Clock } from '../../src/clock.ts'
import type { NoticeEntry } from '../config/notice-entry.ts'
import { createAutoNotice } from './auto.ts'
import { createCloudNotice } from './cloud.ts'
import { clouds } from './clouds.ts'
import { createFileNotice } from './file.ts'
import type { NoticeSource, TellNoticeEvent } from './notice.ts'
import { createSignalNotice } from './signal.ts'

export function createNotice(entry: NoticeEntry, { clock, tell }: { clock: Clock; tell: TellNoticeEvent }): NoticeSource {
  switch (entry.kind) {
    case 'signal':
      return createSignalNotice(entry)
    case 'file':
      return createFileNotice({ ...entry, clock })
    case 'auto':
      return createAutoNotice({ ...entry, clock, tell })
    default:
      return createCloudNotice({ ...entry, cloud: clouds.find(({ kind }) => kind === entry.kind)!, clock, tell })
  }
}
