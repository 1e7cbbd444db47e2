// Where a predecessor's stream and the inheritance that it is for find each other, whichever comes first.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InheritanceDesk } from '../../peer/inherit/desk.ts'
import type { DirectKind, Inheritance } from '../../peer/inherit/successor.ts'
import { earlyStreamsMax, helloTimeoutMs } from '../../src/limits/lane.ts'
import type { Node } from '../../src/net/node.ts'
import { helloFrame, readFailure } from '../../src/transfer/messages.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { frameType, type Frame } from '../../src/wire/frame.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { transferProtocol } from '../../src/wire/protocols.ts'
import { channelPair } from '../helpers/channel-pair.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { nowMs } from '../helpers/pool.ts'

const test = suite('the desk for inheritances')

const handoff = new Uint8Array(16).fill(7)
const handoffHex = '07'.repeat(16)

/** A desk, and streams that predecessors open to it. */
async function scene() {
  const clock = new ManualClock(nowMs)
  let accept: (channel: Channel) => void = () => {}
  const node = {
    async handle(protocol: string, handler: typeof accept) {
      if (protocol === transferProtocol) accept = handler
    },
  }
  const desk = await InheritanceDesk.open(node as unknown as Node, clock)
  const accepted = Promise.withResolvers<Channel>()
  const inheritance = {
    handoffHex,
    acceptDirect: (_kind: DirectKind, channel: Channel) => accepted.resolve(channel),
  } as unknown as Inheritance
  const knock = (): { answer: Promise<Frame>; closed: Promise<unknown>; abort: () => void } => {
    const { near, far } = channelPair('predecessor', 'heir')
    const answer = Promise.withResolvers<Frame>()
    near.onFrame(answer.resolve)
    accept(far)
    near.send(helloFrame({ handoff, role: 'sends', epoch: 1, certificate: new Uint8Array(0), have: new PackSet(), windowBytes: 0 }))
    return { answer: answer.promise, closed: near.closed, abort: () => near.abort(new Error('the test says so')) }
  }
  return { clock, desk, inheritance, accepted: accepted.promise, knock }
}

/** What has been sent in this turn has arrived. */
const turn = () => new Promise<void>((resolve) => void setImmediate(() => resolve()))

test('a stream that comes before the inheritance is accepted when that comes', async () => {
  const { clock, desk, inheritance, accepted, knock } = await scene()
  knock()
  await turn()
  using seat = desk.seat(inheritance)
  void seat
  assert.is((await accepted).remotePeer, 'predecessor')
  assert.is(clock.waiting, 0)
})

test('a stream whose inheritance does not come is told to try again', async () => {
  const { clock, knock } = await scene()
  const { answer, closed } = knock()
  await turn()
  clock.advance(helloTimeoutMs)
  const frame = await answer
  assert.is(frame.type, frameType.failure)
  assert.is(readFailure(frame).code, 'busy')
  await closed
  assert.is(clock.waiting, 0)
})

test('only so many streams may wait; one that is gone makes room', async () => {
  const { clock, desk, inheritance, accepted, knock } = await scene()
  const waiting = Array.from({ length: earlyStreamsMax }, knock)
  await turn()
  assert.is(readFailure(await knock().answer).code, 'busy')
  for (const { abort } of waiting) abort()
  await turn()
  assert.is(clock.waiting, 0)
  knock()
  await turn()
  using seat = desk.seat(inheritance)
  void seat
  await accepted
})

test.run()
