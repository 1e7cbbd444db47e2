// The lane over a data socket, agreed over a real libp2p link.

import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import { systemClock } from '../../src/clock.ts'
import { DataEnd } from '../../src/lane/data-end.ts'
import { createNode } from '../../src/net/node.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { dataProtocol } from '../../src/wire/protocols.ts'
import { laneContract } from '../contract/lane.ts'
import { listeningEnd, openDataLane } from '../helpers/data-lane.ts'

const overLibp2p = suite('lane over a data socket beside libp2p')
laneContract(overLibp2p, async (options) => {
  const receiving = await createNode({ seed: randomBytes(32), listen: ['/ip4/127.0.0.1/tcp/0'] })
  const sending = await createNode({ seed: randomBytes(32), listen: [] })
  const accepted = Promise.withResolvers<Channel>()
  await receiving.handle(dataProtocol, accepted.resolve)
  const near = await sending.open(receiving.addresses(), dataProtocol, { signal: AbortSignal.timeout(60_000) })
  const sender = await listeningEnd()
  const receiver = new DataEnd(systemClock)
  const opened = await openDataLane({ sender, receiver, streams: { near, far: accepted.promise }, ...options })
  return {
    ...opened,
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]()
      await sending[Symbol.asyncDispose]()
      await receiving[Symbol.asyncDispose]()
      await sender[Symbol.asyncDispose]()
    },
  }
})
overLibp2p.run()
