// The lanes to an heir end with its claim, and it may demand something as soon as they are up.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LaneKeeper, type LaneKeeperOptions, type LaneTarget } from '../../peer/handoff/lanes.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { SendingLane } from '../../src/lane/lane.ts'
import { windowBytes } from '../../src/limits/lane.ts'
import type { Node } from '../../src/net/node.ts'
import { demandFrame } from '../../src/transfer/demand.ts'
import { welcomeFrame } from '../../src/transfer/messages.ts'
import type { Frame } from '../../src/wire/frame.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { channelPair } from '../helpers/channel-pair.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { settle } from '../helpers/relay-peer.ts'

const test = suite('lane keeper')

/** An heir welcomes a lane, and says more at once. */
async function openLane(onDemanded: LaneKeeperOptions['onDemanded'], ...more: readonly Frame[]) {
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
    onDemanded,
    onRoom() {},
    onRefused() {},
  })
  const target: LaneTarget = { kind: 'stream', bySocket: false, addresses: ['/dns4/heir'], epoch: 1 }
  const greeted = new Promise<void>((resolve) => far.onFrame(() => resolve()))
  const kept = keeper.keep(() => target, stop.signal)
  await greeted
  far.send(welcomeFrame({ certificate: new Uint8Array(0), have: new PackSet(), windowBytes }))
  for (const frame of more) far.send(frame)
  return { lane: await up.promise, stop, kept, far }
}

/** A lane to an heir is up, and is let go for this reason; answers how it ends for the heir: with an error, or as agreed. */
async function endOf(why: HeirloomError): Promise<Error | undefined> {
  const { stop, kept, far } = await openLane(() => {})
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

test('what an heir demands right after its welcome is demanded of the lane that has come up with it', async () => {
  const demanded: { lane: SendingLane; ids: readonly string[] }[] = []
  const demand = demandFrame({ chunks: [{ source: 0, ids: ['a'] }] })
  const { lane, stop, kept } = await openLane((of, { chunks }) => demanded.push({ lane: of, ids: chunks[0]!.ids }), demand)
  await settle()
  assert.is(demanded.length, 1)
  assert.is(demanded[0]!.lane, lane)
  assert.equal(demanded[0]!.ids, ['a'])
  stop.abort(new HeirloomError('aborted', 'the handoff is over'))
  await kept
})

test.run()
