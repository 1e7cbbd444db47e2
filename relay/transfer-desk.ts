// The transfers that are open at the relay: of each handoff at most one that puts and one that gets, the newest. An older one is
// what a lost link has left behind.

import type { Clock } from '../src/clock.ts'
import { HeirloomError } from '../src/errors.ts'
import { relayRoomBytes, relayStreamPutsMax, relayTransfersMax, roomPatienceMs, smallFramesRoomBytes } from '../src/limits/relay.ts'
import type { GetSession } from './get-session.ts'
import type { PutSession } from './put-session.ts'
import { Room } from './room.ts'
import { keyText } from './store/handoff-key.ts'
import type { HandoffKey } from './store/store.ts'
import { WindowBudget } from './window-budget.ts'

export class TransferDesk {
  readonly windows = new WindowBudget()
  /** For packs on their way into the store, and out of it. */
  readonly roomIn: Room
  readonly roomOut: Room
  /** For frames that are no packs. */
  readonly roomSmall: Room
  readonly #puts = new Map<string, PutSession>()
  readonly #gets = new Map<string, GetSession>()

  constructor(clock: Clock, roomBytes = relayRoomBytes) {
    const terms = { bytesMax: roomBytes, patienceMs: roomPatienceMs, clock }
    this.roomIn = new Room(terms)
    this.roomOut = new Room(terms)
    this.roomSmall = new Room({ ...terms, bytesMax: smallFramesRoomBytes })
  }

  get puts(): number {
    return this.#puts.size
  }

  get gets(): number {
    return this.#gets.size
  }

  /** Throws `busy` when no more may be open. */
  admitGet(key: HandoffKey): void {
    if (this.#gets.size >= relayTransfersMax && !this.#gets.has(keyText(key))) {
      throw new HeirloomError('busy', `${relayTransfersMax} transfers are under way already`)
    }
  }

  /** Throws `busy` when no more may be open whose packs come by their stream. */
  admitStreamPut(key: HandoffKey): void {
    const others = [...this.#puts.values()].filter((put) => put.way === 'stream' && keyText(put.key) !== keyText(key))
    if (others.length >= relayStreamPutsMax) throw new HeirloomError('busy', `${relayStreamPutsMax} handoffs come by streams already`)
  }

  /** Ends the older transfer of this handoff, if there is one, so that it makes room. */
  replacePut(key: HandoffKey): void {
    this.#puts.get(keyText(key))?.cut(new HeirloomError('link-lost', 'the predecessor opened another stream'))
  }

  seatPut(put: PutSession): Disposable {
    return seat(this.#puts, put)
  }

  seatGet(get: GetSession): Disposable {
    this.#gets.get(keyText(get.key))?.cut(new HeirloomError('link-lost', 'the heir opened another stream'))
    return seat(this.#gets, get)
  }

  /** Whether packs of the handoff are being written. */
  isWriting(key: HandoffKey): boolean {
    return (this.#puts.get(keyText(key))?.writing ?? 0) > 0
  }

  /** Something of the handoff has changed: a pack was stored, or it was closed, claimed or dropped. */
  wake(key: HandoffKey, pack?: number): void {
    this.#gets.get(keyText(key))?.wake(pack)
  }

  wakeAll(): void {
    for (const get of this.#gets.values()) get.wake()
  }

  /** Lets every pack that has arrived become durable and be acknowledged, then ends the transfers. */
  async drain(): Promise<void> {
    const why = new HeirloomError('draining', 'this relay is going down')
    for (const get of this.#gets.values()) get.fail(why)
    await Promise.all([...this.#puts.values()].map((put) => put.drain(why)))
  }
}

function seat<Session extends { readonly key: HandoffKey }>(seats: Map<string, Session>, session: Session): Disposable {
  const id = keyText(session.key)
  seats.set(id, session)
  return {
    [Symbol.dispose]() {
      if (seats.get(id) === session) seats.delete(id)
    },
  }
}
