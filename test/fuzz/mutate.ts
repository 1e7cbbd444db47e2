// How inputs become other inputs. Each shape knows the structure that its targets read, and keeps most of it: an input that is refused at its
// first byte finds nothing. One in a few is changed without regard to any structure.

import { mutateBytes } from './shapes/bytes.ts'
import { mutateFrames } from './shapes/frames.ts'
import { mutateJson } from './shapes/json.ts'
import { mutateMessage } from './shapes/message.ts'
import { mutateText } from './shapes/text.ts'
import type { Draw } from './random.ts'

export type Mutation = (input: Uint8Array, draw: Draw, others: readonly Uint8Array[]) => Uint8Array

const shapes = {
  bytes: mutateBytes,
  /** `length | type | body` with a message as body, several times. */
  frames: mutateFrames,
  /** A protobuf message. */
  message: mutateMessage,
  /** Lines of JSON. */
  json: mutateJson,
  /** Lines of words and numbers. */
  text: mutateText,
} satisfies Record<string, Mutation>

export type Shape = keyof typeof shapes

/** What of the inputs is changed without regard to their structure. */
const blindShare = 0.2

/** A new input, made from one of those given. */
export function mutate(shape: Shape, sources: readonly Uint8Array[], draw: Draw, bytesMax: number): Uint8Array {
  let input = draw.pick(sources)
  for (let times = 1 + draw.length(4); times > 0; times--) {
    input = (draw.chance(blindShare) ? mutateBytes : shapes[shape])(input, draw, sources)
  }
  return input.byteLength > bytesMax ? input.subarray(0, bytesMax) : input
}
