// Claims that another relay gave: the highest that is heard of holds, whoever tells it.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Presence } from '../../relay/presence.ts'
import { Rendezvous } from '../../relay/rendezvous.ts'
import type { HandoffKey } from '../../relay/store/store.ts'
import { foreignEpochsMax } from '../../src/limits/relay.ts'
import { errorFromStatus } from '../../src/errors.ts'
import { createIdentity, peerBytes, peerIdText } from '../../src/seal/identity.ts'
import { relayRank } from '../../src/seal/relay-rank.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { refused } from '../helpers/refusal.ts'
import { leaseMs, TestRelay } from '../helpers/relay-peer.ts'

const test = suite('several relays')

const pool = 'a1'.repeat(32)
const key: HandoffKey = { pool, handoff: '1'.repeat(32) }
const rank = (relay: string) => Buffer.from(relayRank(peerBytes(relay), Buffer.from(pool, 'hex')))
/** The one that comes first in the pool's order, and the other. */
const [high, low] = [createIdentity().peerId, createIdentity().peerId].sort((a, b) => Buffer.compare(rank(b), rank(a))) as [string, string]

const codeOf = (status: number) => errorFromStatus(status, '').code

class Desk {
  readonly clock = new ManualClock(1_000_000)
  readonly presence = new Presence(this.clock, leaseMs)
  readonly rendezvous: Rendezvous

  constructor(self: string) {
    this.rendezvous = new Rendezvous({ self, records: [], presence: this.presence, hasPacks: () => true })
    for (const peer of ['old', 'x', 'y']) this.presence.linkOpened(peer, { addresses: [`/at/${peer}`], pool })
  }

  offer(claimed?: { heir: string; epoch: number; assignedBy: string }) {
    const { heir, outcome } = this.rendezvous.offer('old', key, {
      header: new Uint8Array([1]),
      keepMs: 60_000,
      nowMs: this.clock.nowMs(),
      claimed,
    })
    return { heir, told: outcome.notes.map(({ to, kind }) => `${to} ${kind}`) }
  }

  claim(peer: string, epoch: number, assignedBy: string) {
    const { assignment, outcome } = this.rendezvous.claim(peer, key, { heir: peer, epoch, assignedBy })
    return { epoch: assignment.record.epoch, told: outcome.notes.map(({ to, kind }) => `${to} ${kind}`) }
  }
}

test('a predecessor that moves brings its heir along: nobody else gets the handoff, and the heir is told', () => {
  const desk = new Desk(low)
  assert.is(desk.rendezvous.wait('y', pool), undefined)
  const { heir, told } = desk.offer({ heir: 'x', epoch: 1, assignedBy: high })
  assert.equal(heir, { peer: 'x', epoch: 1, addresses: ['/at/x'], assignedBy: high })
  assert.ok(told.includes('x assigned') && !told.includes('y assigned'))
  assert.is(desk.claim('x', 1, high).epoch, 1, 'it takes its claim up')
})

test('an heir that is not linked here has one lease to come, then the next epoch is given', () => {
  const desk = new Desk(low)
  desk.rendezvous.wait('y', pool)
  desk.offer({ heir: 'elsewhere', epoch: 3, assignedBy: high })
  desk.clock.advance(leaseMs - 1)
  for (const peer of ['old', 'y']) desk.presence.heard(peer)
  desk.rendezvous.tick(desk.clock.nowMs())
  assert.is(desk.rendezvous.find(key)!.heir, 'elsewhere')
  desk.clock.advance(2)
  desk.rendezvous.tick(desk.clock.nowMs())
  const { heir, epoch, assignedBy } = desk.rendezvous.find(key)!
  assert.equal([heir, epoch, assignedBy], ['y', 4, undefined])
})

test('of two heirs of one epoch the one holds whose relay comes first in order, at either relay', () => {
  const [atLow, atHigh] = [new Desk(low), new Desk(high)]
  for (const desk of [atLow, atHigh]) desk.offer()
  atHigh.rendezvous.claim('x', key, { epoch: 0 })
  atLow.rendezvous.claim('y', key, { epoch: 0 })
  refused(() => atHigh.claim('y', 1, low), 'fenced')
  const { told } = atLow.claim('x', 1, high)
  assert.ok(told.includes('y fenced') && told.includes('old heir-changed'))
  assert.ok(atLow.rendezvous.isHeir(key, 'x', 1) && atHigh.rendezvous.isHeir(key, 'x', 1))
  refused(() => atLow.rendezvous.claim('y', key, { epoch: 1 }), 'fenced')
})

test('a higher epoch holds, whichever relay gave it', () => {
  const desk = new Desk(high)
  desk.offer()
  desk.rendezvous.claim('x', key, { epoch: 0 })
  assert.is(desk.claim('y', 2, low).epoch, 2)
  refused(() => desk.claim('x', 1, high), 'fenced')
  assert.is(desk.offer({ heir: 'x', epoch: 1, assignedBy: low }).heir!.peer, 'y', 'what is lower is not news')
})

test('an epoch that this relay has not given, or that is out of all reach, is fenced', () => {
  const desk = new Desk(low)
  desk.offer()
  refused(() => desk.claim('x', 1, low), 'fenced')
  refused(() => desk.claim('x', 1 + foreignEpochsMax, high), 'fenced')
  assert.is(desk.rendezvous.find(key)!.epoch, 0)
})

test('what another has finished here is not to be inherited there', () => {
  const desk = new Desk(low)
  desk.offer()
  desk.rendezvous.claim('y', key, { epoch: 0 })
  desk.rendezvous.finish('y', key, { epoch: 1, released: false, nowMs: desk.clock.nowMs() })
  refused(() => desk.claim('x', 2, high), 'fenced')
  refused(() => desk.rendezvous.claim('x', key, { epoch: 0 }), 'not-found')
})

test('an heir that learns elsewhere of a higher claim hands it on with what it gives back', () => {
  const desk = new Desk(low)
  desk.offer()
  desk.rendezvous.claim('x', key, { epoch: 0 })
  const above = { heir: 'y', epoch: 1, assignedBy: high }
  const outcome = desk.rendezvous.finish('x', key, { epoch: 1, released: true, above, nowMs: desk.clock.nowMs() })
  assert.ok(outcome.notes.some(({ to, kind }) => to === 'y' && kind === 'assigned'))
  assert.ok(desk.rendezvous.isHeir(key, 'y', 1))
})

test('on the wire: a refused claim says which one stands, and a claim that names no relay is malformed', async () => {
  await using relay = new TestRelay()
  const [old, heir, rival] = [await relay.peer(), await relay.peer(), await relay.peer()]
  const handoff = await old.offer()
  await heir.claim(handoff)
  const claimFrom = (assignedBy: Uint8Array) => {
    return rival.ask({ case: 'claim', value: { $typeName: 'heirloom.wire.v1.Claim', handoff, epoch: 1, assignedBy } })
  }
  const isLower = ({ peer }: { peer: Uint8Array }) =>
    Buffer.compare(relayRank(peer, relay.pool.id), relayRank(peerBytes(relay.id), relay.pool.id)) < 0
  let other = createIdentity()
  while (!isLower(other)) other = createIdentity()
  const refusal = await claimFrom(other.peer)
  assert.is(codeOf(refusal.status), 'fenced')
  assert.ok(refusal.result.case === 'standing')
  const { heir: standing, finished } = refusal.result.value
  assert.equal(
    [standing!.peer, standing!.epoch, standing!.assignedBy, finished].map((each) => (each instanceof Uint8Array ? peerIdText(each) : each)),
    [heir.member.identity.peerId, 1, relay.id, false],
  )
  assert.is(codeOf((await claimFrom(new Uint8Array([1, 2]))).status), 'malformed')
})

test.run()
