// The lanes to an heir end with its claim.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LaneKeeper, type LaneTarget } from '../../peer/handoff/lanes.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { SendingLane } from '../../src/lane/lane.ts'
import { windowBytes } from '../../src/limits/lane.ts'
import type { Node } from '../../src/net/node.ts'
import { welcomeFrame } from '../../src/transfer/messages.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { channelPair } from '../helpers/channel-pair.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('lane keeper')

/** A lane to an heir is up, and is let go for this reason; answers how it ends for the heir: with an error, or as agreed. */
async function endOf(why: HeirloomError): Promise<Error | undefined> {
  const { near, far } = channelPair('predecessor', 'heir')
  const up = Promise.withResolvers<SendingLane>()
  const stop = new AbortController()
  const keeper = new LaneKeeper({
    node: { open: () => Promise.resolve(near) } as unknown as Node,
    clock: new ManualClock(0),
    handoff: new Uint8Array(16),
    certificate: () => new Uint8Array(0),
    onUp: up.resolve,
    onDown() {},
    onAcknowledged: () => assert.unreachable('nothing was sent'),
    onDemanded() {},
    onRoom() {},
    onRefused() {},
  })
  const target: LaneTarget = { kind: 'stream', bySocket: false, addresses: ['/dns4/heir'], epoch: 1 }
  const greeted = new Promise<void>((resolve) => far.onFrame(() => resolve()))
  const kept = keeper.keep(() => target, stop.signal)
  await greeted
  far.send(welcomeFrame({ certificate: new Uint8Array(0), have: new PackSet(), windowBytes }))
  await up.promise
  stop.abort(why)
  await kept
  return await far.closed
}

test('a lane to an heir that is none any more is cut: what it acknowledges would count for nobody', async () => {
  assert.instance(await endOf(new HeirloomError('link-lost', 'there is a newer heir')), Error)
})

test('at the end of a handoff a lane is closed, and what is under way may still be acknowledged', async () => {
  assert.is(await endOf(new HeirloomError('aborted', 'the handoff is over')), undefined)
})

test.run()
