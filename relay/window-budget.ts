// What may be on its way to a relay: one budget, shared evenly by the transfers that are open.
// Invariant: all windows together, as they are told from now on, are at most relayWindowBytesTotal. Of transfers that open together the first ones were told
// of more, and may send that until they hear of less with an acknowledgement: so many can be promised more than the budget at first. What of that is let
// into memory, the room bounds (room.ts).

import { HeirloomError } from '../src/errors.ts'
import { windowBytes } from '../src/limits/lane.ts'
import { relayTransfersMax, relayWindowBytesTotal } from '../src/limits/relay.ts'

interface Windowed {
  windowBytes: number
}

export class WindowBudget {
  readonly #open = new Set<Windowed>()

  /** What one more transfer may have in flight, in bytes. Throws `busy` when no more may be open. */
  get nextShare(): number {
    if (this.#open.size >= relayTransfersMax) throw new HeirloomError('busy', `${relayTransfersMax} transfers are under way already`)
    return share(this.#open.size + 1)
  }

  /** From now on the transfer has its share, which changes as others come and go. */
  join(transfer: Windowed): Disposable {
    this.#open.add(transfer)
    this.#share()
    return {
      [Symbol.dispose]: () => {
        if (this.#open.delete(transfer)) this.#share()
      },
    }
  }

  #share(): void {
    for (const transfer of this.#open) transfer.windowBytes = share(this.#open.size)
  }
}

function share(transfers: number): number {
  return Math.min(windowBytes, Math.floor(relayWindowBytesTotal / Math.max(1, transfers)))
}
