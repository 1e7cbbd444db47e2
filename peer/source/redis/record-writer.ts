// Records as commands that restore them: never over a key that is there. SET … NX and RESTORE without REPLACE leave it as it is, in one step, so that
// whatever the application has written on this machine stays.

import type { Records } from '../keyed/records.ts'
import type { Commands } from './commands.ts'

/** Adds the command for one record. Its time must not have come yet. */
export function writeRecord(commands: Commands, records: Records, index: number, values: Uint8Array, nowMs: number): void {
  const expiresAtMs = records.expiresAtMs(index)
  const form = records.form(index)
  if (form === 'value') {
    commands.begin(expiresAtMs > 0 ? 6 : 4)
    commands.word('SET')
    writeKey(commands, records, index)
    writeValue(commands, records, index, values)
    commands.word('NX')
    if (expiresAtMs === 0) return
    // Older servers know no absolute times here.
    commands.word('PX')
    commands.word(String(Math.max(1, expiresAtMs - nowMs)))
    return
  }
  commands.begin(7)
  commands.word('RESTORE')
  writeKey(commands, records, index)
  commands.word(String(expiresAtMs))
  writeValue(commands, records, index, values)
  commands.word('ABSTTL')
  commands.word(form === 'frequency' ? 'FREQ' : 'IDLETIME')
  const hotness = records.hotness(index)
  commands.word(String(form === 'frequency' ? Math.min(255, hotness) : Math.max(0, Math.floor(nowMs / 1000) - hotness)))
}

function writeKey(commands: Commands, records: Records, index: number): void {
  commands.raw(records.attributes, records.keyStarts[index], records.keyStarts[index + 1])
}

function writeValue(commands: Commands, records: Records, index: number, values: Uint8Array): void {
  commands.raw(values, records.valueStarts[index], records.valueStarts[index + 1])
}
