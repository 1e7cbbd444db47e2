// The receiving end of a lane over any framed channel: packs in, acknowledgements out. Acknowledgements that become due in one turn
// of the event loop travel in one frame.

import { asHeirloomError, HeirloomError } from '../errors.ts'
import { acknowledgeFrame, demandFrame, failureFrame, readEnd, readFailure, type EndMessage } from '../transfer/messages.ts'
import { TransferReceiver } from '../transfer/receiver.ts'
import type { Channel } from '../wire/channel.ts'
import { frameType, type Frame } from '../wire/frame.ts'
import type { PackSet } from '../wire/pack-set.ts'
import { packNumber } from '../seal/pack-seal.ts'

export interface ArrivedPack {
  readonly number: number
  readonly pieces: readonly Uint8Array[]
  readonly bytes: number
  /** The pack is here for good. Until it is called the pack's bytes count against the window. */
  settle(): void
}

export interface ReceivingEvents {
  /** Throwing ends the lane with that failure. */
  pack(pack: ArrivedPack): void
  ended(message: EndMessage): void
  /** Called once, last. */
  closed(error: HeirloomError | undefined): void
}

export class ReceivingLane {
  readonly #channel: Channel
  readonly #receiver: TransferReceiver
  readonly #events: ReceivingEvents
  #flushing = false
  #failure: HeirloomError | undefined

  /** The greeting is done; takes over the channel. */
  constructor(channel: Channel, windowBytes: number, events: ReceivingEvents) {
    this.#channel = channel
    this.#receiver = new TransferReceiver({ windowBytes })
    this.#events = events
    void channel.closed.then((error) => {
      events.closed(this.#failure ?? (error === undefined ? undefined : asHeirloomError(error, 'link-lost')))
    })
    channel.onFrame((frame) => this.#take(frame))
  }

  set windowBytes(bytes: number) {
    this.#receiver.windowBytes = bytes
  }

  get heldBytes(): number {
    return this.#receiver.heldBytes
  }

  demand(packs: PackSet): void {
    this.#channel.send(demandFrame(packs))
  }

  /** Tells the other side why, and ends. */
  fail(thrown: unknown): void {
    this.#failure ??= asHeirloomError(thrown)
    this.#channel.send(failureFrame(this.#failure))
    void this.#channel.close()
  }

  close(): Promise<void> {
    this.#flush()
    return this.#channel.close()
  }

  #take(frame: Frame): void {
    try {
      if (frame.type === frameType.pack) this.#takePack(frame)
      else if (frame.type === frameType.end) this.#events.ended(readEnd(frame))
      else if (frame.type === frameType.failure) {
        this.#failure = readFailure(frame)
        this.#channel.abort(this.#failure)
      } else throw new HeirloomError('malformed', `a sender sent a frame of type ${frame.type}`)
    } catch (thrown) {
      this.fail(thrown)
    }
  }

  #takePack(frame: Frame): void {
    const number = packNumber(frame.body)
    this.#receiver.received(number, frame.bytes)
    const settle = () => {
      this.#receiver.settled(number)
      if (this.#flushing) return
      this.#flushing = true
      queueMicrotask(() => this.#flush())
    }
    this.#events.pack({ number, pieces: frame.body, bytes: frame.bytes, settle })
  }

  #flush(): void {
    this.#flushing = false
    const acknowledgement = this.#receiver.takeAcknowledgement()
    if (acknowledgement !== undefined) this.#channel.send(acknowledgeFrame(acknowledgement))
  }
}
