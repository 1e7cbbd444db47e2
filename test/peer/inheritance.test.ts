// One inheritance on its own: when it is over, nothing of it goes on.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EventLog } from '../../peer/events.ts'
import { Inheritance } from '../../peer/inherit/successor.ts'
import type { Restorer } from '../../peer/inherit/restorer.ts'
import { joinPool } from '../../peer/membership.ts'
import type { RelayClient } from '../../peer/relay-client.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { Node } from '../../src/net/node.ts'
import { endFrame, welcomeFrame } from '../../src/transfer/messages.ts'
import { frameType } from '../../src/wire/frame.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { channelPair, type MemoryChannel } from '../helpers/channel-pair.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { makeMember, nowMs } from '../helpers/pool.ts'
import { refusedLater } from '../helpers/refusal.ts'

const test = suite('inheritance')

interface Scene {
  readonly clock: ManualClock
  readonly inheritance: Inheritance
  /** The relay's end of the get, once it has said welcome. */
  readonly relayEnd: Promise<MemoryChannel>
  /** The receipt has come. */
  readonly learnPacks: (packs: number) => void
}

/** An heir to whom all packs that there will be are restored already, and who gets from a relay. */
function scene(): Scene {
  const clock = new ManualClock(nowMs)
  const { pool, identity } = makeMember()
  const relayEnd = Promise.withResolvers<MemoryChannel>()
  const open = () => {
    const { near, far } = channelPair('heir', 'relay')
    far.onFrame(({ type }) => {
      if (type !== frameType.hello) return
      far.send(welcomeFrame({ certificate: new Uint8Array(0), have: new PackSet(), windowBytes: 0 }))
      relayEnd.resolve(far)
    })
    return Promise.resolve(near)
  }
  const restorer = { have: new PackSet(), packs: undefined, completeBelow: () => true, idle: true, open() {}, async stop() {} }
  const inheritance = new Inheritance({
    handoff: new Uint8Array(16),
    epoch: 1,
    predecessor: identity.peer,
    node: { open } as unknown as Node,
    relay: { address: '/memory' } as unknown as RelayClient,
    data: undefined,
    membership: joinPool({ kind: 'secret', pool }, identity, clock, 'receive'),
    restorer: restorer as unknown as Restorer,
    lanes: ['store'],
    isLive: false,
    clock,
    events: new EventLog(clock),
  })
  const learnPacks = (packs: number) => void Object.assign(restorer, { packs })
  return { clock, inheritance, relayEnd: relayEnd.promise, learnPacks }
}

test('when it is complete while the lane is still up, no timer is left running', async () => {
  const { clock, inheritance, relayEnd, learnPacks } = scene()
  const running = inheritance.run(new AbortController().signal)
  const far = await relayEnd
  learnPacks(3)
  far.send(endFrame({ packs: 3, closed: true }))
  assert.is(await running, 'complete')
  assert.is(clock.waiting, 0)
})

test('when it is interrupted, no timer is left running', async () => {
  const { clock, inheritance, relayEnd } = scene()
  const stop = new AbortController()
  const running = inheritance.run(stop.signal)
  await relayEnd
  stop.abort(new HeirloomError('aborted', 'the test says so'))
  await refusedLater(running, 'aborted')
  assert.is(clock.waiting, 0)
})

test.run()
