// The receiving end of a lane over any framed channel: packs in, acknowledgements out. Acknowledgements that become due in one turn
// of the event loop travel in one frame; with a clock, those of some milliseconds. Beside a data socket a frame on the encrypted stream for
// every pack would cost a tenth of what the socket gains.

import type { Clock } from '../clock.ts'
import { asHeirloomError, HeirloomError } from '../errors.ts'
import { acknowledgeGatherMs, acknowledgeGatherTimesMax } from '../limits/lane.ts'
import { demandFrame, readAnswer, type ChunkAnswer, type DemandMessage } from '../transfer/demand.ts'
import { acknowledgeFrame, failureFrame, readEnd, readFailure, type EndMessage } from '../transfer/messages.ts'
import { TransferReceiver } from '../transfer/receiver.ts'
import type { Channel } from '../wire/channel.ts'
import { frameType, type Frame } from '../wire/frame.ts'
import { packNumber } from '../seal/pack-seal.ts'

export interface ArrivedPack {
  readonly number: number
  readonly pieces: readonly Uint8Array[]
  readonly bytes: number
  /** The pack is here for good. Until it is called the pack's bytes count against the window. */
  settle(): void
  /** Gives the pieces' memory back. For when nobody reads them any more; without it that takes its time. */
  free(): void
}

export interface ReceivingEvents {
  /** Throwing ends the lane with that failure. */
  pack(pack: ArrivedPack): void
  ended(message: EndMessage): void
  /** What the predecessor knows of demanded chunks. Whoever sends for a relay says nothing of the kind. */
  answered?(chunks: readonly ChunkAnswer[]): void
  /** Called once, last. */
  closed(error: HeirloomError | undefined): void
}

export interface ReceivingLaneOptions {
  readonly windowBytes: number
  /** Gathers acknowledgements while packs come, for a while, or until they are this share of the window. */
  readonly gather?: { readonly clock: Clock; readonly share: number } | undefined
}

export class ReceivingLane {
  readonly #channel: Channel
  readonly #receiver: TransferReceiver
  readonly #events: ReceivingEvents
  readonly #gather: ReceivingLaneOptions['gather']
  #windowBytes: number
  #settledBytes = 0
  /** Something was settled since acknowledgements were last waited for. */
  #isMoving = false
  #cancelFlush: (() => void) | undefined
  #failure: HeirloomError | undefined

  /** The greeting is done; takes over the channel. */
  constructor(channel: Channel, { windowBytes, gather }: ReceivingLaneOptions, events: ReceivingEvents) {
    this.#channel = channel
    this.#receiver = new TransferReceiver({ windowBytes })
    this.#windowBytes = windowBytes
    this.#gather = gather
    this.#events = events
    void channel.closed.then((error) => {
      this.#cancelFlush?.()
      events.closed(this.#failure ?? (error === undefined ? undefined : asHeirloomError(error, 'link-lost')))
    })
    channel.onFrame((frame) => this.#take(frame))
  }

  set windowBytes(bytes: number) {
    this.#windowBytes = bytes
    this.#receiver.windowBytes = bytes
  }

  /** Lets so much be in flight, and tells the sender at once. */
  grant(bytes: number): void {
    this.windowBytes = bytes
    this.#flush({ always: true })
  }

  get heldBytes(): number {
    return this.#receiver.heldBytes
  }

  demand(demand: Partial<DemandMessage>): void {
    this.#channel.send(demandFrame(demand))
  }

  /** Tells the other side why, and ends. What is settled is acknowledged before. */
  fail(thrown: unknown): void {
    this.#flush()
    this.#failure ??= asHeirloomError(thrown)
    this.#channel.send(failureFrame(this.#failure))
    void this.#channel.close()
  }

  /** Ends at once: nobody is there who could be told. */
  abort(error: HeirloomError): void {
    this.#failure ??= error
    this.#channel.abort(error)
  }

  close(): Promise<void> {
    this.#flush()
    return this.#channel.close()
  }

  #take(frame: Frame): void {
    // What follows on what made it fail counts as not delivered.
    if (this.#failure !== undefined) return
    try {
      if (frame.type === frameType.pack) this.#takePack(frame)
      else if (frame.type === frameType.end) this.#events.ended(readEnd(frame))
      else if (frame.type === frameType.answer) this.#events.answered?.(readAnswer(frame))
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
      this.#settledBytes += frame.bytes
      this.#flushSoon()
    }
    this.#events.pack({ number, pieces: frame.body, bytes: frame.bytes, settle, free: () => frame.free?.() })
  }

  #flushSoon(): void {
    if (this.#gather !== undefined && this.#settledBytes >= this.#windowBytes * this.#gather.share) return this.#flush()
    this.#isMoving = true
    if (this.#cancelFlush !== undefined) return
    if (this.#gather !== undefined) return this.#await(this.#gather.clock, acknowledgeGatherTimesMax)
    this.#cancelFlush = () => {}
    queueMicrotask(() => this.#flush())
  }

  #await(clock: Clock, timesLeft: number): void {
    this.#isMoving = false
    this.#cancelFlush = clock.after(acknowledgeGatherMs, () => {
      if (this.#isMoving && timesLeft > 1) this.#await(clock, timesLeft - 1)
      else this.#flush()
    })
  }

  #flush({ always = false } = {}): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    this.#settledBytes = 0
    const acknowledgement = this.#receiver.takeAcknowledgement({ always })
    if (acknowledgement !== undefined) this.#channel.send(acknowledgeFrame(acknowledgement))
  }
}
