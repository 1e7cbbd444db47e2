// What a handoff tells the relays that it is offered to, one after the other.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HeirFollower } from '../../peer/handoff/heir-follower.ts'
import { Offering } from '../../peer/handoff/offering.ts'
import { EventLog } from '../../peer/events.ts'
import type { RelayEvents, RelayLink, Verb } from '../../peer/relay-link.ts'
import { Deadline } from '../../src/deadline.ts'
import { createIdentity, peerIdText } from '../../src/seal/identity.ts'
import type { NewHandoff } from '../../src/seal/handoff-header.ts'
import type { Heir, Offer } from '../../src/wire/gen/control_pb.ts'
import { makeMember } from '../helpers/pool.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('offering')

const [first, second] = [createIdentity(), createIdentity()]
const handoff = { handoff: new Uint8Array(16), header: new Uint8Array([1]), key: new Uint8Array(32) } as unknown as NewHandoff

/** A handoff that is offered to one relay and then to another. */
function openScene(heirs: Readonly<Record<string, Heir | undefined>>) {
  const clock = new ManualClock(1_000)
  const offers: Offer[] = []
  let events: RelayEvents = {}
  let moved = 0
  const relay = {
    id: first.peerId,
    address: '/dns4/relay',
    isDataReachable: false,
    listen(of: RelayEvents) {
      events = of
      return { [Symbol.dispose]() {} }
    },
    async request({ value }: Verb) {
      offers.push(value as Offer)
      return { result: { case: 'offered', value: { heir: heirs[relay.id] } } }
    },
  }
  const heir = new HeirFollower({
    handoffHex: '00'.repeat(16),
    membership: { pool: makeMember().pool } as never,
    clock,
    events: new EventLog(clock),
    links: [],
    relayAddress: () => undefined,
    keep() {},
    onLost() {},
    onChange() {},
  })
  const offering = new Offering({
    relay: relay as unknown as RelayLink,
    clock,
    handoff,
    deadline: Deadline.after(clock, 60_000),
    keepMs: 1_000,
    wish: () => ({}),
    heir,
    signal: new AbortController().signal,
    onChange() {},
    onMoved: () => moved++,
    onNote: (note) => assert.unreachable(note),
  })
  offering.listen()
  const move = async () => {
    relay.id = second.peerId
    events.enrolled!()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { offering, offers, heir, move, moves: () => moved }
}

function heirOf(epoch: number, assignedBy: Uint8Array = new Uint8Array(0)): Heir {
  return { $typeName: 'heirloom.wire.v1.Heir', peer: createIdentity().peer, epoch, addresses: ['/at/heir'], assignedBy }
}

test('the next relay is told which claim the one before has given, and the one that gave it is not', async () => {
  const heir = heirOf(3)
  const scene = openScene({ [first.peerId]: heir, [second.peerId]: { ...heir, assignedBy: first.peer } })
  await scene.offering.tell()
  await scene.offering.tell()
  assert.equal(
    scene.offers.map((offer) => offer.heir),
    [undefined, undefined],
  )
  assert.is(scene.moves(), 0)
  await scene.move()
  const told = scene.offers[2]!.heir!
  assert.equal([peerIdText(told.peer), told.epoch, peerIdText(told.assignedBy)], [peerIdText(heir.peer), 3, first.peerId])
  assert.is(scene.moves(), 1, 'what only the first has counts as lost, once')
  assert.ok(scene.heir.exists)
})

test('an heir whose claim stands higher at the next relay takes the place of the one before', async () => {
  const other = heirOf(3, second.peer)
  const scene = openScene({ [first.peerId]: heirOf(3), [second.peerId]: other })
  await scene.offering.tell()
  await scene.move()
  assert.is(scene.heir.epoch, 3)
  assert.is(scene.heir.claimFor(first.peerId)!.peer, other.peer)
  assert.is(scene.heir.claimFor(second.peerId), undefined)
})

test('without an heir nothing is said of one', async () => {
  const scene = openScene({})
  await scene.offering.tell()
  await scene.move()
  assert.equal(
    scene.offers.map((offer) => offer.heir),
    [undefined, undefined],
  )
  assert.not(scene.heir.exists)
})

test.run()
