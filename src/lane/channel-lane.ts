// A lane over any framed channel: hello, welcome, then packs out and acknowledgements in. The lanes differ only in whom
// they reach and over what; this is the part they share.

import type { Clock } from '../clock.ts'
import { asHeirloomError, HeirloomError } from '../errors.ts'
import { helloTimeoutMs } from '../limits/lane.ts'
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
import { freeSent } from '../wire/free-sent.ts'
import { frameType, makeFrame, type Frame } from '../wire/frame.ts'
import type { PackSet } from '../wire/pack-set.ts'
import type { SealedPack } from '../wire/sealed-pack.ts'
import { DataChannel } from './data-channel.ts'
import type { DataEnd } from './data-end.ts'
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
  /** Of a channel of the data protocol: what this side brings to the data socket, and whether packs must have tags on it. */
  readonly data?: { readonly end: DataEnd; readonly needsKey: boolean }
}

/**
 * Opens a lane on a channel that was just opened; owns the channel from the call on. Throws what the other side answered, or `timeout`. Over a
 * data socket the lane is open when that is up: before, it would only hold what other lanes could move.
 */
export async function openChannelLane(options: OpenLaneOptions): Promise<SendingLane> {
  const { kind, channel, hello, checkWelcome, events, clock, signal, data } = options
  try {
    if (data === undefined) {
      const welcome = readWelcome(await greet(channel, helloFrame(hello), { clock, signal }))
      checkWelcome?.(welcome)
      return new ChannelLane(kind, channel, welcome, events)
    }
    const { end, needsKey } = data
    // Whoever must have tagged packs listens itself: the key is in its own offer.
    const { welcome, channel: carrier } = await greetForData({ channel, hello, end, offers: !needsKey, signal })
    checkWelcome?.(welcome)
    if (needsKey && welcome.data?.key === undefined)
      throw new HeirloomError('unauthorised', 'packs would have no tags on the way to somebody who can not open them')
    await carrier.up
    return new ChannelLane(kind, carrier, welcome, events)
  } catch (thrown) {
    const error = asHeirloomError(thrown, 'link-lost')
    channel.abort(error)
    throw error
  }
}

export interface GreetForDataOptions {
  readonly channel: Channel
  readonly hello: HelloMessage
  readonly end: DataEnd
  /** Whether this side lets the other dial it. */
  readonly offers: boolean
  readonly signal: AbortSignal
}

/** As the opener of a data transfer: greets, and agrees on the data socket. The channel stays the caller's to end when this throws. */
export async function greetForData({ channel, hello, end, offers, signal }: GreetForDataOptions): Promise<{
  welcome: WelcomeMessage
  channel: DataChannel
}> {
  const ours = offers ? end.offer({ withKey: false }) : undefined
  try {
    const { clock, buffers } = end
    const first = helloFrame({ ...hello, ...(ours && { data: ours.message }) })
    const welcome = readWelcome(await greet(channel, first, { clock, signal }))
    return { welcome, channel: new DataChannel({ control: channel, role: hello.role, ours, theirs: welcome.data, clock, buffers }) }
  } catch (thrown) {
    ours?.[Symbol.dispose]()
    throw thrown
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

  free(pack: SealedPack): void {
    freeSent(this.#channel, pack.pieces, () => pack.free?.())
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
