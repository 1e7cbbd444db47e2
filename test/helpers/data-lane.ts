// A lane over a data socket between two ends in this process: the stream beside it in memory, the socket a real one.

import { HeirloomError } from '../../src/errors.ts'
import { systemClock } from '../../src/clock.ts'
import { openChannelLane } from '../../src/lane/channel-lane.ts'
import { DataChannel } from '../../src/lane/data-channel.ts'
import { DataEnd } from '../../src/lane/data-end.ts'
import type { LaneEvents } from '../../src/lane/lane.ts'
import { acknowledgeGatherShare } from '../../src/limits/lane.ts'
import { ReceivingLane, type ArrivedPack } from '../../src/lane/receiving-lane.ts'
import {
  failureFrame,
  readHello,
  welcomeFrame,
  type DataOfferMessage,
  type EndMessage,
  type HelloMessage,
} from '../../src/transfer/messages.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { OpenedLane } from '../contract/lane.ts'
import { channelPair } from './channel-pair.ts'

export const host = '127.0.0.1'

export function listeningEnd(clock = systemClock): Promise<DataEnd> {
  return DataEnd.open({ host, port: 0, clock })
}

export interface DataLaneOptions {
  readonly sender: DataEnd
  readonly receiver: DataEnd
  /** Packs have tags, as those for a relay. */
  readonly withKey?: boolean
  readonly have?: PackSet
  readonly windowBytes?: number
  readonly events?: Partial<LaneEvents>
  /** Called with each pack that arrives; throwing refuses it. */
  readonly onPack?: (pack: ArrivedPack) => void
  /** Gets to know the sender's offer before the receiver does. */
  readonly steal?: (offer: DataOfferMessage) => Promise<void>
  /** The test plays the receiver. */
  readonly isAlone?: boolean
  /** The two ends of the stream; without them a pair in memory. */
  readonly streams?: { readonly near: Channel; readonly far: Promise<Channel> }
}

/** A sender's hello that says nothing in particular. */
export const hello: HelloMessage = {
  handoff: new Uint8Array(16),
  role: 'sends',
  epoch: 1,
  certificate: new Uint8Array(0),
  have: new PackSet(),
  windowBytes: 0,
}

export interface OpenedDataLane extends OpenedLane {
  /** How it ended at the receiver. */
  readonly received: Promise<HeirloomError | undefined>
}

/** Throws what opening the lane throws. */
export async function openDataLane(options: DataLaneOptions): Promise<OpenedDataLane> {
  const { sender, withKey = false, events = {} } = options
  const pair = channelPair('near', 'far', host)
  const { near, far } = options.streams ?? { near: pair.near, far: Promise.resolve(pair.far) }
  const accepting = far.then((channel) => acceptDataLane(channel, options))
  const none: LaneEvents = { acknowledged() {}, room() {}, demanded() {}, closed() {} }
  const lane = await openChannelLane({
    kind: withKey ? 'store' : 'fast',
    channel: near,
    hello,
    events: { ...none, ...events },
    signal: AbortSignal.timeout(60_000),
    clock: systemClock,
    data: { end: sender, needsKey: withKey },
  })
  // A test that plays the receiver itself has no lane there.
  if (options.isAlone) return { lane } as OpenedDataLane
  const { receiving, closed, ...gathered } = await accepting
  return {
    lane,
    ...gathered,
    receiver: await receiving,
    received: closed,
    cut: () => near.abort(new HeirloomError('link-lost', 'cut by the test')),
    async [Symbol.asyncDispose]() {
      near.abort(new HeirloomError('aborted', 'the test is over'))
      await closed
    },
  }
}

export interface AcceptedDataLane {
  readonly receiving: Promise<ReceivingLane>
  readonly arrived: ArrivedPack[]
  readonly ended: EndMessage[]
  /** How it ended. */
  readonly closed: Promise<HeirloomError | undefined>
}

/** The receiver's side alone. */
export function acceptDataLane(control: Channel, options: Omit<DataLaneOptions, 'sender'>): AcceptedDataLane {
  const { receiver, withKey = false, have = new PackSet(), windowBytes = 1_000_000, onPack = () => {}, steal } = options
  const arrived: ArrivedPack[] = []
  const ended: EndMessage[] = []
  const over = Promise.withResolvers<HeirloomError | undefined>()
  const receiving = Promise.withResolvers<ReceivingLane>()
  receiving.promise.catch(() => {})
  const accept = (hello: HelloMessage) => {
    const ours = receiver.offer({ withKey })
    const { clock, buffers } = receiver
    const channel = new DataChannel({ control, role: 'receives', ours, theirs: hello.data, clock, buffers })
    channel.send(welcomeFrame({ certificate: new Uint8Array(0), have, windowBytes, ...(ours && { data: ours.message }) }))
    const pack = (each: ArrivedPack) => {
      onPack(each)
      arrived.push(each)
    }
    const events = { pack, ended: (end: EndMessage) => void ended.push(end), closed: over.resolve }
    receiving.resolve(new ReceivingLane(channel, { windowBytes, gather: { clock, share: acknowledgeGatherShare } }, events))
  }
  const refuse = (thrown: unknown) => {
    over.resolve(undefined)
    receiving.reject(thrown)
    control.send(failureFrame(thrown))
    void control.close()
  }
  control.onFrame((frame) => {
    control.hold()
    try {
      const hello = readHello(frame)
      if (steal === undefined) accept(hello)
      else
        void steal(hello.data!)
          .then(() => accept(hello))
          .catch(refuse)
    } catch (thrown) {
      refuse(thrown)
    }
  })
  return { receiving: receiving.promise, arrived, ended, closed: over.promise }
}
