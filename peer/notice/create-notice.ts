// From one `notices` entry of the configuration to what watches for it.

import type { Clock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { NoticeEntry } from '../config/schema.ts'
import { createFileNotice } from './file.ts'
import type { NoticeSource } from './notice.ts'
import { createSignalNotice } from './signal.ts'

export function createNotice(entry: NoticeEntry, clock: Clock): NoticeSource {
  switch (entry.kind) {
    case 'signal':
      return createSignalNotice(entry)
    case 'file':
      return createFileNotice({ ...entry, clock })
    default:
      throw new HeirloomError('config', `notices of kind ${entry.kind} aren't in this version yet`)
  }
}
