// A chunk's body as an application sends it, cut into parts of at most a pack's target.
// Invariant: no more than one part of a body is held, however long it is or says it is.

import type { Chunk, ChunkPart } from '../../../src/chunk/chunk.ts'
import { HeirloomError } from '../../../src/errors.ts'
import { chunkBytesMax, packBytesTarget } from '../../../src/limits/wire.ts'

export interface ChunkBody {
  readonly chunk: Chunk
  /** The content-length; undefined when the application doesn't say. */
  readonly length: number | undefined
  readonly version: string | undefined
  readonly body: AsyncIterable<Uint8Array>
}

/**
 * The parts, in order. Every part says the whole size, so a body that doesn't say its length must fit into one.
 * Throws `too-large`, and `malformed` when the body isn't as long as it says.
 */
export async function* partsOf({ chunk, length, version, body }: ChunkBody): AsyncGenerator<ChunkPart> {
  if (length !== undefined && length > chunkBytesMax)
    throw new HeirloomError('too-large', `a chunk of ${length} bytes is over the limit of ${chunkBytesMax}`)
  let held: Uint8Array[] = []
  let heldBytes = 0
  let offset = 0
  const take = (chunkBytes: number): ChunkPart => {
    const bytes = held.length === 1 ? held[0]! : Buffer.concat(held)
    const part = { chunk, offset, chunkBytes, bytes, ...(version !== undefined && { version }) }
    offset += heldBytes
    held = []
    heldBytes = 0
    return part
  }
  for await (const piece of body) {
    for (let rest = piece; rest.byteLength > 0;) {
      // Full, and there is more.
      if (heldBytes === packBytesTarget) {
        if (length === undefined)
          throw new HeirloomError('too-large', `a chunk of more than ${packBytesTarget} bytes must be sent with its content-length`)
        yield take(length)
      }
      const fitting = rest.subarray(0, packBytesTarget - heldBytes)
      held.push(fitting)
      heldBytes += fitting.byteLength
      rest = rest.subarray(fitting.byteLength)
    }
  }
  const total = offset + heldBytes
  if (length !== undefined && total !== length)
    throw new HeirloomError('malformed', `the chunk has ${total} bytes and not ${length}, as it says`)
  if (heldBytes > 0 || total === 0) yield take(total)
}
