// Keys in meta commands: as they are, or in base64 (flag `b`) where they aren't plain text.

import type { ByteWriter } from '../keyed/byte-writer.ts'

/** Writes the key that `source` has from `start` to `end`; answers the flag that must follow, if one must. */
export function writeKey(commands: ByteWriter, source: Buffer, start: number, end: number): '' | ' b' {
  for (let at = start; at < end; at++) {
    if (source[at]! > 0x20 && source[at]! < 0x7f) continue
    commands.text(source.toString('base64', start, end))
    return ' b'
  }
  commands.copy(source, start, end)
  return ''
}
