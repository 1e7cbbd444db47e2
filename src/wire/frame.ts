// Frames: `length u32 | type u8 | body`, on every stream (PROTOCOL.md, "Links and frames").
// The decoder takes bytes as they come, checks each length before it keeps anything, and hands bodies on in the
// pieces they arrived in, without copying them.

import { HeirloomError } from '../errors.ts'
import { controlFrameBytesMax, packBytesMax } from '../limits/wire.ts'
import { freeMemory } from './free-memory.ts'

/** The frame types. Numbers of removed types stay here, marked, and are never used again. */
export const frameType = {
  request: 1,
  relayMessage: 2,
  hello: 3,
  welcome: 4,
  pack: 5,
  acknowledge: 6,
  demand: 7,
  end: 8,
  failure: 9,
  position: 10,
} as const

export type FrameType = (typeof frameType)[keyof typeof frameType]

export interface Frame {
  readonly type: FrameType
  /** The body in one or more pieces; together `bytes` long. */
  readonly body: readonly Uint8Array[]
  readonly bytes: number
  /** Of a frame that arrived: gives its memory back. For whoever was handed the frame, once, when nobody reads the body any more. */
  free?(): void
}

/** Says when there is room for a frame that arrives: asked with its head, before memory is taken for its body. */
export interface FrameGate {
  /** True: it may come. False: it has to wait until `go` is called, once. Throws for a frame that must not come here. */
  enter(type: FrameType, bytes: number, go: () => void): boolean
}

/** What goes before every body: its length and its type. */
export const frameHeadBytes = 5
const gatherBelowBytes = 4096
const gatherBytes = 64 * 1024
const nothing = new Uint8Array(0)
const knownTypes = new Set<number>(Object.values(frameType))

/** A frame of these pieces. The pieces are not copied: they must not change until they were sent. */
export function makeFrame(type: FrameType, body: Uint8Array | readonly Uint8Array[]): Frame {
  const pieces = body instanceof Uint8Array ? [body] : body
  return { type, body: pieces, bytes: pieces.reduce((sum, piece) => sum + piece.byteLength, 0) }
}

/** The bytes that go on the wire: a head of its own, then the body's own pieces. */
export function encodeFrame(frame: Frame): Uint8Array[] {
  return [encodeHead(frame), ...frame.body]
}

/** The five bytes before the body. */
export function encodeHead({ type, bytes }: Frame): Uint8Array {
  const head = new Uint8Array(frameHeadBytes)
  new DataView(head.buffer).setUint32(0, bytes + 1)
  head[4] = type
  return head
}

/** The type and the length of the body that a head of five bytes announces. Throws `malformed` or `too-large` before anything is kept for it. */
export function readHead(head: Uint8Array): { type: FrameType; bytes: number } {
  const length = new DataView(head.buffer, head.byteOffset).getUint32(0)
  const type = head[4]!
  if (!knownTypes.has(type)) throw new HeirloomError('malformed', `a frame has the unknown type ${type}`)
  const bytesMax = type === frameType.pack ? packBytesMax : controlFrameBytesMax
  if (length < 1 || length - 1 > bytesMax) throw new HeirloomError('too-large', `a frame of type ${type} says it has ${length} bytes`)
  return { type: type as FrameType, bytes: length - 1 }
}

/** The body in one piece. Only for small frames: it copies when there are several pieces. */
export function joinBody(frame: Frame): Uint8Array {
  if (frame.body.length === 1) return frame.body[0]!
  const joined = new Uint8Array(frame.bytes)
  let at = 0
  for (const piece of frame.body) {
    joined.set(piece, at)
    at += piece.byteLength
  }
  return joined
}

export class FrameDecoder {
  #head = new Uint8Array(frameHeadBytes)
  #headFilled = 0
  #body: Uint8Array[] = []
  #bodyLeft = 0
  #bodyBytes = 0
  #gather = nothing
  #gathered = 0
  #gate: FrameGate | undefined
  /** What came while the gate was shut: what had been read already. Undefined while it is open. */
  #backlog: Uint8Array[] | undefined

  /** The frame at the head of what arrived has to wait: read no more until `onOpen` of `setGate` was called. */
  get isWaiting(): boolean {
    return this.#backlog !== undefined
  }

  /** From the next frame on. `onOpen` is called when what waited may be taken with `resume`. */
  setGate(gate: FrameGate, onOpen: () => void): void {
    this.#gate = { enter: (type, bytes) => gate.enter(type, bytes, onOpen) }
  }

  /** Takes what has waited. Answers and throws as `push` does. */
  resume(): Frame[] {
    const backlog = this.#backlog ?? []
    this.#backlog = undefined
    const frames = this.#bodyLeft === 0 ? [this.#finish()] : []
    for (const piece of backlog) frames.push(...this.push(piece))
    return frames
  }

  /** Takes what arrived and answers the frames that are complete with it. Throws `malformed` or `too-large`; then the stream is over. */
  push(piece: Uint8Array): Frame[] {
    const frames: Frame[] = []
    let at = 0
    while (at < piece.byteLength) {
      if (this.#backlog !== undefined) {
        this.#backlog.push(piece.subarray(at))
        break
      }
      if (this.#headFilled < frameHeadBytes) {
        const take = Math.min(frameHeadBytes - this.#headFilled, piece.byteLength - at)
        this.#head.set(piece.subarray(at, at + take), this.#headFilled)
        this.#headFilled += take
        at += take
        if (this.#headFilled < frameHeadBytes) break
        if (!this.#begin()) continue
      } else {
        const take = Math.min(this.#bodyLeft, piece.byteLength - at)
        this.#keep(piece.subarray(at, at + take))
        this.#bodyLeft -= take
        at += take
      }
      if (this.#bodyLeft === 0) frames.push(this.#finish())
    }
    return frames
  }

  /** Whether the stream stands between two frames: an end anywhere else is a torn frame. */
  get clean(): boolean {
    return this.#headFilled === 0
  }

  /** Whether its body may come now. */
  #begin(): boolean {
    const { type, bytes } = readHead(this.#head)
    this.#bodyLeft = bytes
    this.#bodyBytes = bytes
    const isOpen = this.#gate?.enter(type, bytes, () => {}) ?? true
    if (!isOpen) this.#backlog = []
    return isOpen
  }

  /** Small pieces are gathered, so that a body sent byte by byte costs its bytes and not an object for each. */
  #keep(piece: Uint8Array): void {
    if (piece.byteLength >= gatherBelowBytes || piece.byteLength === this.#bodyBytes) {
      this.#flush()
      this.#body.push(piece)
      return
    }
    if (this.#gathered + piece.byteLength > this.#gather.byteLength) this.#flush()
    if (this.#gather.byteLength === 0) this.#gather = new Uint8Array(Math.min(gatherBytes, Math.max(this.#bodyLeft, piece.byteLength)))
    this.#gather.set(piece, this.#gathered)
    this.#gathered += piece.byteLength
  }

  #flush(): void {
    if (this.#gathered > 0) {
      // A view would keep the whole buffer: small pieces between large ones could then hold many times the bytes that came.
      const most = 2 * this.#gathered >= this.#gather.byteLength
      this.#body.push(most ? this.#gather.subarray(0, this.#gathered) : this.#gather.slice(0, this.#gathered))
    }
    this.#gather = nothing
    this.#gathered = 0
  }

  #finish(): Frame {
    this.#flush()
    const body = this.#body
    const frame = { type: this.#head[4] as FrameType, body, bytes: this.#bodyBytes, free: () => freeMemory(body) }
    this.#headFilled = 0
    this.#body = []
    return frame
  }
}
