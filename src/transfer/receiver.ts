// The receiving end of one transfer, without I/O: how much credit is out, what waits for its acknowledgement.
// Invariant: what was received and not acknowledged never exceeds the window by more than one pack, or the transfer ends.

import { HeirloomError } from '../errors.ts'
import { packBytesMax } from '../limits/wire.ts'
import { PackSet } from '../wire/pack-set.ts'
import type { Acknowledgement } from './messages.ts'

export class TransferReceiver {
  #windowBytes: number
  /** The largest window that the sender may still believe in, until it has heard of a smaller one. */
  #grantedBytes: number
  readonly #held = new Map<number, number>()
  #heldBytes = 0
  #done = new PackSet()

  constructor({ windowBytes }: { windowBytes: number }) {
    this.#windowBytes = windowBytes
    this.#grantedBytes = windowBytes
  }

  /** Bytes received and not acknowledged. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** What the next acknowledgement grants. A smaller window takes effect as the sender learns of it. */
  set windowBytes(bytes: number) {
    this.#windowBytes = bytes
    this.#grantedBytes = Math.max(this.#grantedBytes, bytes)
  }

  /** Takes note of a pack that arrived. Throws `too-large` when the sender overran its credit, `malformed` for a pack that is being held. */
  received(number: number, bytes: number): void {
    if (this.#held.has(number)) throw new HeirloomError('malformed', `pack ${number} came twice on one stream`)
    if (this.#heldBytes + bytes > this.#grantedBytes + packBytesMax)
      throw new HeirloomError('too-large', 'more is in flight than the window allows')
    this.#held.set(number, bytes)
    this.#heldBytes += bytes
  }

  /** The pack is here for good; it goes into the next acknowledgement. */
  settled(number: number): void {
    const bytes = this.#held.get(number)
    if (bytes === undefined) return
    this.#held.delete(number)
    this.#heldBytes -= bytes
    this.#done.add(number)
  }

  /** What is to be acknowledged since the last call, or undefined if nothing is; with `always` it may tell of the window alone. */
  takeAcknowledgement({ always = false } = {}): Acknowledgement | undefined {
    if (this.#done.size === 0 && !always) return undefined
    const acknowledgement = { packs: this.#done, windowBytes: this.#windowBytes }
    this.#done = new PackSet()
    return acknowledgement
  }
}
