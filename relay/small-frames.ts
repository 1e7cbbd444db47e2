// Frames that arrive at the relay before a put has begun, or beside it: no pack may be among them, and those that are more than a few hundred bytes
// share one room. Somebody who begins a large frame on each of a thousand streams and ends none is refused, and costs no more than that.

import { HeirloomError } from '../src/errors.ts'
import { smallFrameBytes } from '../src/limits/relay.ts'
import type { Channel } from '../src/wire/channel.ts'
import { frameType, type FrameGate, type FrameType } from '../src/wire/frame.ts'
import type { RelayCore } from './relay-core.ts'
import type { RoomSeat } from './room.ts'

/** Watches what comes on a channel from now on. Dispose it when something else does. */
export function expectSmallFrames(core: RelayCore, channel: Channel): Disposable {
  const gate = new SmallFrameGate(core, channel)
  channel.gate?.(gate)
  void channel.closed.then(() => gate[Symbol.dispose]())
  return gate
}

class SmallFrameGate implements FrameGate, Disposable {
  readonly #core: RelayCore
  readonly #seat: RoomSeat

  constructor(core: RelayCore, channel: Channel) {
    this.#core = core
    this.#seat = core.transfers.roomSmall.seat(() => channel.abort(new HeirloomError('timeout', 'a frame comes too slowly')))
  }

  enter(type: FrameType, bytes: number): boolean {
    if (type === frameType.pack) throw new HeirloomError('malformed', 'a pack came where none may')
    // The one before has come whole.
    this.#seat.free(Infinity, this.#core.clock.monotonicMs())
    if (bytes <= smallFrameBytes) return true
    if (this.#seat.take(bytes, () => {})) return true
    throw new HeirloomError('busy', 'too many large frames are under way')
  }

  [Symbol.dispose](): void {
    this.#seat[Symbol.dispose]()
  }
}
