// Watches what goes over a data socket: finds out from its token which transfer it is for, and tells that of every pack, when it is written, when it
// leaves the machine and when it has come.

import { frameHeadBytes, frameType, readHead, type Frame } from '../../src/wire/frame.ts'
import type { StreamTap } from './stream.ts'

/** The transfer of a token, as a data socket's packs concern it. */
export interface WatchedTransfer {
  /** Bytes behind each pack. */
  readonly tagBytes: number
  /** The sender has decided to send it. */
  readonly packWritten: (frame: Frame) => void
  readonly packSent: (frame: Frame) => void
  readonly packArrived: (frame: Frame) => void
}

const preambleBytes = 36
const magicBytes = 4

export class DataLineWatch {
  readonly near: StreamTap
  readonly far: StreamTap
  #transfer: WatchedTransfer | undefined

  constructor(transferOf: (token: string) => WatchedTransfer | undefined) {
    const transfer = () => this.#transfer
    const tap = (out: Direction, outWritten: Frames, into: Direction): StreamTap => ({
      written: (bytes) => outWritten.push(bytes, transfer).forEach(({ frame }) => this.#transfer?.packWritten(frame)),
      sent: (bytes) => out.sent(bytes).forEach((frame) => this.#transfer?.packSent(frame)),
      delivered: (bytes) => into.delivered(bytes).forEach((frame) => this.#transfer?.packArrived(frame)),
      closed: () => {},
    })
    const onPreamble = (preamble: Uint8Array) => {
      this.#transfer = transferOf(Buffer.from(preamble.subarray(magicBytes)).toString('hex'))
    }
    const forth = new Direction(new Frames(preambleBytes), transfer)
    const back = new Direction(new Frames(0), transfer)
    this.near = tap(forth, new Frames(preambleBytes, onPreamble), back)
    this.far = tap(back, new Frames(0), forth)
  }
}

/** Reads what one end writes: perhaps a preamble, then packs. */
class Frames {
  readonly #onPreamble: ((bytes: Uint8Array) => void) | undefined
  #preambleLeft: number
  #bytes = Buffer.alloc(0)
  #takenBytes = 0

  constructor(preamble: number, onPreamble?: (bytes: Uint8Array) => void) {
    this.#preambleLeft = preamble
    this.#onPreamble = onPreamble
  }

  /** Answers the packs that are whole now, and how many bytes end with each. */
  push(bytes: Uint8Array, transfer: () => WatchedTransfer | undefined): { frame: Frame; endsAt: number }[] {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    if (this.#bytes.length < this.#preambleLeft) return []
    if (this.#preambleLeft > 0) {
      const preamble = this.#take(this.#preambleLeft)
      this.#onPreamble?.(preamble)
      this.#preambleLeft = 0
    }
    const packs = []
    for (let known = transfer(); known !== undefined && this.#bytes.length >= frameHeadBytes; known = transfer()) {
      const { bytes: length } = readHead(this.#bytes)
      const whole = frameHeadBytes + length + known.tagBytes
      if (this.#bytes.length < whole) break
      const body = this.#take(whole).subarray(frameHeadBytes, frameHeadBytes + length)
      packs.push({ frame: { type: frameType.pack, body: [body], bytes: length }, endsAt: this.#takenBytes })
    }
    return packs
  }

  #take(length: number): Uint8Array {
    const taken = Uint8Array.from(this.#bytes.subarray(0, length))
    this.#bytes = this.#bytes.subarray(length)
    this.#takenBytes += length
    return taken
  }
}

/** What is under way from one end to the other. */
class Direction {
  readonly #frames: Frames
  readonly #transfer: () => WatchedTransfer | undefined
  #arrivedBytes = 0
  readonly #underWay: { readonly frame: Frame; readonly endsAt: number }[] = []

  constructor(frames: Frames, transfer: () => WatchedTransfer | undefined) {
    this.#frames = frames
    this.#transfer = transfer
  }

  sent(bytes: Uint8Array): Frame[] {
    const packs = this.#frames.push(bytes, this.#transfer)
    this.#underWay.push(...packs)
    return packs.map(({ frame }) => frame)
  }

  *delivered(bytes: number): Generator<Frame> {
    this.#arrivedBytes += bytes
    while (this.#underWay[0] !== undefined && this.#underWay[0].endsAt <= this.#arrivedBytes) yield this.#underWay.shift()!.frame
  }
}
