// The sending end of one transfer, without I/O: credit, what is in flight, what the other side has.
// Invariant: bytes in flight never exceed the window, but for one pack when nothing else is in flight.

import { HeirloomError } from '../errors.ts'
import { PackSet } from '../wire/pack-set.ts'
import type { Acknowledgement } from './messages.ts'

export class TransferSender {
  /** What the receiver has for good: told at the start, and acknowledged since. */
  readonly have: PackSet
  #windowBytes: number
  /** The largest window so far: a receiver that grants less holds no less because of it. */
  #grantedBytes: number
  readonly #inFlight = new Map<number, number>()
  #inFlightBytes = 0

  constructor({ have, windowBytes }: { have: PackSet; windowBytes: number }) {
    this.have = have
    this.#windowBytes = windowBytes
    this.#grantedBytes = windowBytes
  }

  get inFlightBytes(): number {
    return this.#inFlightBytes
  }

  /** The numbers that were sent and not acknowledged, in the order of sending. */
  inFlight(): number[] {
    return [...this.#inFlight.keys()]
  }

  /** Whether the credit lets a pack of this size go now. */
  canSend(bytes: number): boolean {
    return this.#inFlight.size === 0 || this.#inFlightBytes + bytes <= this.#windowBytes
  }

  /**
   * Whether one pack may go beyond the credit: the receiver allows for that, also when it has granted less since. An heir does so while it demands,
   * and what it takes nothing of stays in flight.
   */
  canHurry(): boolean {
    return this.#inFlightBytes <= this.#grantedBytes
  }

  /** Notes that a pack goes out. */
  sent(number: number, bytes: number): void {
    this.#inFlight.set(number, bytes)
    this.#inFlightBytes += bytes
  }

  /**
   * Takes an acknowledgement and answers the numbers that are new by it. Throws `malformed` for a pack that was never sent. Costs what is in
   * flight, however many numbers were sent: a few bytes may name a million.
   */
  acknowledged({ packs, windowBytes }: Acknowledgement): number[] {
    this.#windowBytes = windowBytes
    this.#grantedBytes = Math.max(this.#grantedBytes, windowBytes)
    const fresh = this.inFlight().filter((number) => packs.has(number))
    for (const number of fresh) {
      this.#inFlightBytes -= this.#inFlight.get(number)!
      this.#inFlight.delete(number)
      this.have.add(number)
    }
    if (!this.have.hasAll(packs)) throw new HeirloomError('malformed', 'a pack was acknowledged and never sent')
    return fresh
  }
}
