// Frames: `length | type | body`, one after the other. Bodies are changed as messages; lengths and types tell lies; frames come doubled, torn,
// and in another order.

import { edgeNumber, mutateBytes } from './bytes.ts'
import { mutateMessage } from './message.ts'
import type { Draw } from '../random.ts'

interface Piece {
  readonly type: number
  readonly body: Uint8Array
  /** What the head says, when that isn't the truth. */
  readonly lie?: number
}

const headBytes = 5

export function mutateFrames(input: Uint8Array, draw: Draw, others: readonly Uint8Array[]): Uint8Array {
  const pieces = parse(input)
  if (pieces.length === 0) return mutateBytes(input, draw, others)
  const at = draw.below(pieces.length)
  const piece = pieces[at]!
  const kind = draw.below(8)
  if (kind === 0) pieces.splice(at, 1)
  else if (kind === 1) pieces.splice(draw.below(pieces.length + 1), 0, piece)
  else if (kind === 2) pieces[at] = { ...piece, type: draw.below(14) }
  else if (kind === 3) pieces[at] = { ...piece, lie: edgeNumber(draw) }
  else if (kind === 4) pieces.splice(draw.below(pieces.length + 1), 0, ...parse(draw.pick(others)).slice(0, 8))
  else
    pieces[at] = {
      type: piece.type,
      body: mutateMessage(
        piece.body,
        draw,
        pieces.map(({ body }) => body),
      ),
    }
  return Buffer.concat(pieces.flatMap(written))
}

/** One frame as bytes. */
export function frameBytes(type: number, body: Uint8Array): Uint8Array {
  return Buffer.concat(written({ type, body }))
}

function written({ type, body, lie = body.length + 1 }: Piece): Uint8Array[] {
  const head = Buffer.alloc(headBytes)
  head.writeUInt32BE(lie % 2 ** 32)
  head[4] = type
  return [head, body]
}

/** As many frames as there are, up to one that isn't whole. */
function parse(input: Uint8Array): Piece[] {
  const pieces: Piece[] = []
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  for (let at = 0; at + headBytes <= input.length;) {
    const length = view.getUint32(at)
    if (length < 1 || at + 4 + length > input.length) break
    pieces.push({ type: input[at + 4]!, body: input.subarray(at + headBytes, at + 4 + length) })
    at += 4 + length
  }
  return pieces
}
