// How a directory names a chunk: short, since there is a mark for every small file (PROTOCOL.md, "Packs").
// Two chunks of one mark cost whoever looks for one of them a pack that it doesn't need yet.

import { hash } from 'node:crypto'
import { chunkMarkBytes } from '../chunk/pack.ts'

/** In hexadecimal. */
export function markChunk(source: number, id: string): string {
  const text = Buffer.from(id)
  const input = Buffer.allocUnsafe(4 + text.byteLength)
  input.writeUInt32BE(source, 0)
  text.copy(input, 4)
  return hash('sha256', input, 'hex').slice(0, 2 * chunkMarkBytes)
}
