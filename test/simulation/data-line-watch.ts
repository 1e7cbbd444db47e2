// Watches what goes over a data socket: finds out from its token which transfer it is for, and tells that of every pack, when it is sent and when it
// has come.

import { frameHeadBytes, frameType, readHead, type Frame } from '../../src/wire/frame.ts'
import type { StreamTap } from './stream.ts'

/** The transfer of a token, as a data socket's packs concern it. */
export interface WatchedTransfer {
  /** Bytes behind each pack. */
  readonly tagBytes: number
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
    const forth = new Direction(preambleBytes, (preamble) => {
      this.#transfer = transferOf(Buffer.from(preamble.subarray(magicBytes)).toString('hex'))
    })
    const back = new Direction(0, () => {})
    const tap = (out: Direction, into: Direction): StreamTap => ({
      sent: (bytes) => out.sent(bytes, this.#transfer),
      delivered: (bytes) => into.delivered(bytes, this.#transfer),
      closed: () => {},
    })
    this.near = tap(forth, back)
    this.far = tap(back, forth)
  }
}

/** What one end writes: perhaps a preamble, then packs. */
class Direction {
  readonly #onPreamble: (bytes: Uint8Array) => void
  #preambleLeft: number
  #bytes = Buffer.alloc(0)
  #sentBytes = 0
  #arrivedBytes = 0
  readonly #underWay: { readonly frame: Frame; readonly endsAt: number }[] = []

  constructor(preamble: number, onPreamble: (bytes: Uint8Array) => void) {
    this.#preambleLeft = preamble
    this.#onPreamble = onPreamble
  }

  sent(bytes: Uint8Array, transfer: WatchedTransfer | undefined): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    if (this.#preambleLeft > 0) {
      if (this.#bytes.length < this.#preambleLeft) return
      this.#onPreamble(this.#take(this.#preambleLeft))
      this.#preambleLeft = 0
    }
    while (transfer !== undefined && this.#bytes.length >= frameHeadBytes) {
      const { bytes: length } = readHead(this.#bytes)
      const whole = frameHeadBytes + length + transfer.tagBytes
      if (this.#bytes.length < whole) return
      const body = this.#take(whole).subarray(frameHeadBytes, frameHeadBytes + length)
      const frame = { type: frameType.pack, body: [body], bytes: length }
      this.#underWay.push({ frame, endsAt: this.#sentBytes })
      transfer.packSent(frame)
    }
  }

  delivered(bytes: number, transfer: WatchedTransfer | undefined): void {
    this.#arrivedBytes += bytes
    while (this.#underWay[0] !== undefined && this.#underWay[0].endsAt <= this.#arrivedBytes)
      transfer?.packArrived(this.#underWay.shift()!.frame)
  }

  #take(length: number): Uint8Array {
    const taken = Uint8Array.from(this.#bytes.subarray(0, length))
    this.#bytes = this.#bytes.subarray(length)
    this.#sentBytes += length
    return taken
  }
}
