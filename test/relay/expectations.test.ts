// Who is told ahead whose heir would be whose.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Expectations } from '../../relay/expectations.ts'
import { Presence } from '../../relay/presence.ts'
import { Rendezvous } from '../../relay/rendezvous.ts'
import { expectingPeersMax } from '../../src/limits/relay.ts'
import { leaseMs, TestRelay } from '../helpers/relay-peer.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('expectations')

class Desk {
  readonly clock = new ManualClock(1_000_000)
  readonly presence = new Presence(this.clock, leaseMs)
  readonly rendezvous = new Rendezvous({ self: 'relay', records: [], presence: this.presence, hasPacks: () => false })
  readonly expectations = new Expectations(this.presence, this.rendezvous)

  link(peer: string, pool = 'one'): void {
    this.presence.linkOpened(peer, { addresses: [`/at/${peer}`], pool })
  }

  /** Who is told of whom, as text. */
  news(): string[] {
    return this.expectations.news().map(({ to, heir }) => `${to}: ${heir?.peer ?? 'nobody'}`)
  }
}

test('every peer of a pool is told of the one that has waited longest, and that one of the next', () => {
  const desk = new Desk()
  for (const peer of ['a', 'b', 'c']) desk.link(peer)
  desk.link('z', 'two')
  assert.equal(desk.news(), [])
  desk.rendezvous.wait('b', 'one')
  desk.rendezvous.wait('c', 'one')
  assert.equal(desk.news(), ['a: b', 'b: c', 'c: b'])
  assert.equal(desk.news(), [], 'what has not changed is not told again')
})

test('when the one that waited is taken, leaves or is gone, the peers are told of the next, or of nobody', () => {
  const desk = new Desk()
  for (const peer of ['a', 'b', 'c']) desk.link(peer)
  desk.rendezvous.wait('b', 'one')
  desk.rendezvous.wait('c', 'one')
  desk.news()
  desk.rendezvous.leave('b')
  assert.equal(desk.news(), ['a: c', 'c: nobody'], 'b knows already')
  desk.presence.linkClosed('c')
  desk.expectations.forget('c')
  assert.equal(desk.news(), ['a: nobody', 'b: nobody'])
})

test('a peer whose link is new is told again', () => {
  const desk = new Desk()
  for (const peer of ['a', 'b']) desk.link(peer)
  desk.rendezvous.wait('b', 'one')
  assert.equal(desk.news(), ['a: b'])
  desk.expectations.forget('a')
  assert.equal(desk.news(), ['a: b'])
})

test('of one successor only so many are told, and whoever was told stays among them', () => {
  const desk = new Desk()
  desk.link('heir')
  desk.rendezvous.wait('heir', 'one')
  for (let i = 0; i < expectingPeersMax; i++) desk.link(`early ${i}`)
  assert.is(desk.news().length, expectingPeersMax)
  desk.link('late')
  assert.equal(desk.news(), [])
  desk.presence.linkClosed('early 3')
  desk.expectations.forget('early 3')
  assert.equal(desk.news(), ['late: heir'])
})

test('a relay tells an enrolled peer within a second who waits, and where', async () => {
  await using relay = new TestRelay()
  const guard = await relay.peer()
  const heir = await relay.peer()
  await heir.wait()
  relay.clock.advance(1000)
  const { event } = await guard.notes.next(({ event: { case: kind } }) => kind === 'expected')
  if (event.case !== 'expected') throw new Error('never')
  assert.equal([...event.value.peer], [...heir.member.identity.peer])
  assert.equal(event.value.addresses, [`/at/${heir.member.identity.peerId}`])
})

test.run()
