// A lane over any framed channel: hello, welcome, then packs out and acknowledgements in. The lanes differ only in whom
// they reach and over what; this is the part they share.

import type { Clock } from '../clock.ts'
import { asHeirloomError, HeirloomError } from '../errors.ts'
import { helloTimeoutMs } from '../limits.ts'
import {
  endFrame,
  helloFrame,
  readAcknowledge,
  readDemand,
  readFailure,
  readWelcome,
  type EndMessage,
  type HelloMessage,
  type WelcomeMessage,
} from '../transfer/messages.ts'
import { TransferSender } from '../transfer/sender.ts'
import type { Channel } from '../wire/channel.ts'
import { frameType, makeFrame, type Frame } from '../wire/frame.ts'
import type { PackSet } from '../wire/pack-set.ts'
import type { SealedPack } from '../wire/sealed-pack.ts'
import type { LaneEvents, LaneKind, SendingLane } from './lane.ts'

export interface OpenLaneOptions {
  readonly kind: LaneKind
  readonly channel: Channel
  readonly hello: HelloMessage
  /** Throws when the other side isn't who it must be. */
  readonly checkWelcome?: (welcome: WelcomeMessage) => void
  readonly events: LaneEvents
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Opens a lane on a channel that was just opened; owns the channel from the call on. Throws what the other side answered, or `timeout`. */
export async function openChannelLane({
  kind,
  channel,
  hello,
  checkWelcome,
  events,
  clock,
  signal,
}: OpenLaneOptions): Promise<SendingLane> {
  try {
    const welcome = readWelcome(await greet(channel, helloFrame(hello), { clock, signal }))
    checkWelcome?.(welcome)
    return new ChannelLane(kind, channel, welcome, events)
  } catch (thrown) {
    const error = asHeirloomError(thrown, 'link-lost')
    channel.abort(error)
    throw error
  }
}

/** Sends a first frame and resolves with the first frame of the answer. */
export function greet(channel: Channel, first: Frame, { clock, signal }: { clock: Clock; signal: AbortSignal }): Promise<Frame> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = () => {
      settle()
      reject(signal.reason)
    }
    const cancel = clock.after(helloTimeoutMs, () => {
      settle()
      reject(new HeirloomError('timeout', 'no welcome came'))
    })
    signal.addEventListener('abort', onAbort, { once: true })
    const settle = () => {
      cancel()
      signal.removeEventListener('abort', onAbort)
    }
    channel.onFrame((frame) => {
      channel.hold()
      settle()
      resolve(frame)
    })
    void channel.closed.then((error) => {
      settle()
      reject(error ?? new HeirloomError('link-lost', 'the other side closed without an answer'))
    })
    channel.send(first)
  })
}

class ChannelLane implements SendingLane {
  readonly kind: LaneKind
  readonly #channel: Channel
  readonly #sender: TransferSender
  readonly #events: LaneEvents
  #full = false
  #failure: HeirloomError | undefined

  constructor(kind: LaneKind, channel: Channel, welcome: WelcomeMessage, events: LaneEvents) {
    this.kind = kind
    this.#channel = channel
    this.#sender = new TransferSender(welcome)
    this.#events = events
    channel.onFrame((frame) => this.#take(frame))
    void channel.closed.then((error) => {
      const why = this.#failure ?? (error === undefined ? undefined : asHeirloomError(error, 'link-lost'))
      events.closed(why, this.#sender.inFlight())
    })
  }

  get have(): PackSet {
    return this.#sender.have
  }

  get inFlightBytes(): number {
    return this.#sender.inFlightBytes
  }

  canSend(bytes: number): boolean {
    return !this.#full && this.#sender.canSend(bytes)
  }

  send(pack: SealedPack): void {
    this.#sender.sent(pack.number, pack.bytes)
    if (this.#channel.send(makeFrame(frameType.pack, pack.pieces))) return
    this.#full = true
    void this.#channel.drained().then(() => {
      this.#full = false
      this.#events.room()
    })
  }

  end(message: EndMessage): void {
    this.#channel.send(endFrame(message))
  }

  close(): Promise<void> {
    return this.#channel.close()
  }

  abort(error: HeirloomError): void {
    this.#channel.abort(error)
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case frameType.acknowledge: {
        const numbers = this.#sender.acknowledged(readAcknowledge(frame))
        if (numbers.length > 0) this.#events.acknowledged(numbers)
        return this.#events.room()
      }
      case frameType.demand:
        return this.#events.demanded(readDemand(frame))
      case frameType.failure:
        this.#failure = readFailure(frame)
        return this.#channel.abort(this.#failure)
      default:
        throw new HeirloomError('malformed', `a receiver sent a frame of type ${frame.type}`)
    }
  }
}
