// What may be on its way to a relay: one budget, shared evenly by the transfers that are open.
// Invariant: all windows together, as they are told from now on, are at most relayWindowBytesTotal. Of transfers that open together the first ones may be told
// of more, up to firstPutWindowBytes each, and may send that until they hear of less with an acknowledgement. What of that is let into memory, the
// room bounds (room.ts).

import { HeirloomError } from '../src/errors.ts'
import { firstPutWindowBytes, relayTransfersMax, relayWindowBytesTotal } from '../src/limits/relay.ts'

interface Windowed {
  windowBytes: number
}

export class WindowBudget {
  /** With the most that each may have. */
  readonly #open = new Map<Windowed, number>()

  /** What one more transfer may have in flight until its first acknowledgement, in bytes. Throws `busy` when no more may be open. */
  firstShare(mostBytes: number): number {
    if (this.#open.size >= relayTransfersMax) throw new HeirloomError('busy', `${relayTransfersMax} transfers are under way already`)
    return share(this.#open.size + 1, Math.min(mostBytes, firstPutWindowBytes))
  }

  /** From now on the transfer has its share, at most so much, which changes as others come and go. */
  join(transfer: Windowed, mostBytes: number): Disposable {
    this.#open.set(transfer, mostBytes)
    this.#share()
    return {
      [Symbol.dispose]: () => {
        if (this.#open.delete(transfer)) this.#share()
      },
    }
  }

  #share(): void {
    for (const [transfer, mostBytes] of this.#open) transfer.windowBytes = share(this.#open.size, mostBytes)
  }
}

function share(transfers: number, mostBytes: number): number {
  return Math.min(mostBytes, Math.floor(relayWindowBytesTotal / Math.max(1, transfers)))
}
