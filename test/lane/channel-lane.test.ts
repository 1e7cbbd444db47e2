// The lane over frames, in memory and over real libp2p links.

import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import { systemClock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import { openChannelLane } from '../../src/lane/channel-lane.ts'
import type { LaneEvents } from '../../src/lane/lane.ts'
import { ReceivingLane, type ArrivedPack } from '../../src/lane/receiving-lane.ts'
import { createNode } from '../../src/net/node.ts'
import { readHello, welcomeFrame, type EndMessage } from '../../src/transfer/messages.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { transferProtocol } from '../../src/wire/protocols.ts'
import { laneContract, type OpenedLane } from '../contract/lane.ts'
import { channelPair } from '../helpers/channel-pair.ts'

const signal = AbortSignal.timeout(60_000)

interface Ends {
  readonly near: Channel
  readonly far: Promise<Channel>
  dispose(): Promise<void>
}

async function openOver(
  { near, far, dispose }: Ends,
  have: PackSet,
  windowBytes: number,
  events: Partial<LaneEvents>,
): Promise<OpenedLane> {
  const arrived: ArrivedPack[] = []
  const ended: EndMessage[] = []
  const receiving = far.then(
    (channel) =>
      new Promise<ReceivingLane>((resolve) => {
        channel.onFrame((frame) => {
          channel.hold()
          readHello(frame)
          channel.send(welcomeFrame({ certificate: new Uint8Array(0), have, windowBytes }))
          resolve(
            new ReceivingLane(
              channel,
              { windowBytes },
              {
                pack: (pack) => arrived.push(pack),
                ended: (end) => ended.push(end),
                closed: () => {},
              },
            ),
          )
        })
      }),
  )
  const hello = {
    handoff: new Uint8Array(16),
    role: 'sends' as const,
    epoch: 1,
    certificate: new Uint8Array(0),
    have: new PackSet(),
    windowBytes: 0,
  }
  const none: LaneEvents = { acknowledged() {}, room() {}, demanded() {}, closed() {} }
  const lane = await openChannelLane({ kind: 'stream', channel: near, hello, events: { ...none, ...events }, clock: systemClock, signal })
  const receiver = await receiving
  return {
    lane,
    receiver,
    arrived,
    ended,
    cut: () => near.abort(new HeirloomError('link-lost', 'cut by the test')),
    async [Symbol.asyncDispose]() {
      near.abort(new HeirloomError('aborted', 'the test is over'))
      await dispose()
    },
  }
}

const inMemory = suite('lane in memory')
laneContract(inMemory, ({ have, windowBytes, events }) => {
  const { near, far } = channelPair('near', 'far')
  return openOver({ near, far: Promise.resolve(far), dispose: async () => {} }, have, windowBytes, events)
})
inMemory.run()

const overLibp2p = suite('lane over libp2p')
laneContract(overLibp2p, async ({ have, windowBytes, events }) => {
  const receiver = await createNode({ seed: randomBytes(32), listen: ['/ip4/127.0.0.1/tcp/0'] })
  const sender = await createNode({ seed: randomBytes(32), listen: [] })
  const accepted = Promise.withResolvers<Channel>()
  await receiver.handle(transferProtocol, accepted.resolve)
  const near = await sender.open(receiver.addresses(), transferProtocol, { signal })
  const dispose = async () => {
    await sender[Symbol.asyncDispose]()
    await receiver[Symbol.asyncDispose]()
  }
  return openOver({ near, far: accepted.promise, dispose }, have, windowBytes, events)
})
overLibp2p.run()
