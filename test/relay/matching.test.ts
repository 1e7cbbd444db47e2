// Which of several successors gets a handoff, and which of several handoffs a successor gets, by what peers say of themselves.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { factsPartsMax, factsTextMax, rankedSuccessorsMax } from '../../src/limits/relay.ts'
import { factsMessage, readFacts, type Facts } from '../../src/wire/facts.ts'
import type { Wish } from '../../src/plan/rank-successors.ts'
import { Presence } from '../../relay/presence.ts'
import { Rendezvous } from '../../relay/rendezvous.ts'
import { decodeRecord, encodeRecord } from '../../relay/store/record-json.ts'
import { makeMember } from '../helpers/pool.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { leaseMs, RelayPeer, TestRelay } from '../helpers/relay-peer.ts'

const test = suite('matching')

const pool = 'a'.repeat(64)
const header = new Uint8Array([1])
const GB = 1e9

class Desk {
  readonly clock = new ManualClock(1_000_000)
  readonly presence = new Presence(this.clock, leaseMs)
  readonly rendezvous = new Rendezvous({ self: 'relay', records: [], presence: this.presence, hasPacks: () => true })

  link(peer: string, facts: Facts = {}): void {
    this.presence.linkOpened(peer, { addresses: [], pool, facts })
  }

  /** Successors begin to wait, in this order. */
  wait(...peers: (readonly [string, Facts])[]): void {
    for (const [peer, facts] of peers) {
      this.link(peer, facts)
      this.rendezvous.wait(peer, pool)
    }
  }

  /** A handoff is offered; answers who gets it. */
  offer(digit: string, wish: Wish = {}): string | undefined {
    const peer = `old ${digit}`
    this.link(peer)
    this.clock.advance(1)
    const offering = { header, keepMs: 1e9, nowMs: this.clock.nowMs(), wish }
    return this.rendezvous.offer(peer, { pool, handoff: digit.repeat(32) }, offering).heir?.peer
  }

  /** A successor comes; answers the first digit of what it gets. */
  come(peer: string, facts: Facts = {}): string | undefined {
    this.link(peer, facts)
    return this.rendezvous.wait(peer, pool)?.assignment.record.key.handoff[0]
  }
}

function chosen(wish: Wish, ...candidates: (readonly [string, Facts])[]): string | undefined {
  const desk = new Desk()
  desk.wait(...candidates)
  return desk.offer('1', wish)
}

test('the nearer successor gets it, the less busy one, the one with memory for it, the cheaper one', () => {
  assert.is(chosen({ zone: 'b' }, ['far', { zone: 'a' }], ['near', { zone: 'b' }]), 'near')
  assert.is(chosen({ network: '10G' }, ['slow', { network: 'metered' }], ['quick', { network: '10G' }]), 'quick')
  assert.is(chosen({}, ['busy', { load: 3 }], ['idle', { load: 0.1 }]), 'idle')
  assert.is(chosen({ bytes: 8 * GB }, ['small', { freeBytes: 2 * GB }], ['large', { freeBytes: 9 * GB }]), 'large')
  assert.is(chosen({ bytes: 1 * GB }, ['small', { freeBytes: 2 * GB }], ['large', { freeBytes: 9 * GB }]), 'small', 'both have enough')
  assert.is(chosen({}, ['dear', { price: 3 }], ['cheap', { price: 1 }]), 'cheap')
})

test('what nobody has said counts neither for nor against, and among equals the one that has waited longest gets it', () => {
  assert.is(chosen({}, ['first', {}], ['second', {}]), 'first')
  assert.is(chosen({ zone: 'b' }, ['first', {}], ['second', { zone: 'a' }]), 'first')
  assert.is(chosen({}, ['first', { load: 0.5 }], ['second', { load: 0.45 }]), 'first', 'so little says nothing')
})

test('the predecessor says how much each counts', () => {
  const near = ['near and busy', { zone: 'b', load: 3 }] as const
  const idle = ['far and idle', { zone: 'a', load: 0 }] as const
  assert.is(chosen({ zone: 'b' }, idle, near), 'near and busy')
  assert.is(chosen({ zone: 'b', prefers: { load: 20 } }, near, idle), 'far and idle')
  assert.is(chosen({ zone: 'b', prefers: { zone: 0, load: 0 } }, idle, near), 'far and idle', 'then only who waited first')
})

test('a part of a divided state goes to whoever takes that part, before all else', () => {
  const [a, b] = [
    ['a', { parts: ['a'], zone: 'z' }],
    ['b', { parts: ['b', 'c'], load: 5 }],
  ] as const
  assert.is(chosen({ part: 'c', zone: 'z' }, a, b), 'b')
  assert.is(chosen({ part: 'a' }, b, a), 'a')
  assert.is(chosen({ part: 'd' }, ['any', {}], a), 'any', 'one that takes anything before one that takes others')
})

test('a part stays for a successor that takes it: one that takes others alone never has it, unless its predecessor does not care', () => {
  assert.is(chosen({ part: 'c' }, ['a', { parts: ['a'] }]), undefined)
  assert.is(chosen({ part: 'c', prefers: { part: 0 } }, ['a', { parts: ['a'] }]), 'a')
  assert.is(chosen({}, ['a', { parts: ['a'] }]), 'a', 'a state that is not divided is for everybody')
  const desk = new Desk()
  desk.offer('1', { part: 'c', worth: 9 })
  desk.offer('2', { part: 'a' })
  assert.is(desk.come('late a', { parts: ['a'] }), '2')
  assert.is(desk.come('another a', { parts: ['a'] }), undefined)
  assert.is(desk.come('late c', { parts: ['b', 'c'] }), '1')
})

test('several handoffs at once each find their own successor', () => {
  const desk = new Desk()
  desk.wait(['in a', { zone: 'a' }], ['in b', { zone: 'b' }], ['in c', { zone: 'c' }])
  assert.equal([desk.offer('1', { zone: 'c' }), desk.offer('2', { zone: 'a' }), desk.offer('3', { zone: 'b' })], ['in c', 'in a', 'in b'])
  assert.is(desk.offer('4'), undefined)
})

test('a successor that comes later gets what is worth most to it, and of equals the newest', () => {
  const three = () => {
    const desk = new Desk()
    desk.offer('1', { zone: 'a', worth: 5 })
    desk.offer('2', { zone: 'b' })
    desk.offer('3', { zone: 'b' })
    return desk
  }
  assert.is(three().come('heir'), '1')
  const desk = new Desk()
  for (const digit of ['1', '2', '3']) desk.offer(digit, { zone: digit === '1' ? 'a' : 'b' })
  assert.is(desk.come('in a', { zone: 'a' }), '1')
  assert.is(desk.come('in b', { zone: 'b' }), '3')
  assert.is(desk.come('anywhere'), '2')
})

test('when heirs are gone and successors wait, what is worth most is given first', () => {
  const desk = new Desk()
  desk.wait(['one', {}], ['two', {}])
  assert.equal([desk.offer('1', { worth: 1 }), desk.offer('2', { worth: 3 })], ['one', 'two'])
  for (const peer of ['one', 'two']) desk.presence.linkClosed(peer)
  desk.wait(['next', {}])
  desk.clock.advance(leaseMs + 1)
  for (const peer of ['next']) desk.presence.heard(peer)
  const notes = desk.rendezvous.tick(desk.clock.nowMs()).flatMap((outcome) => outcome.notes)
  assert.equal(
    notes.flatMap((note) => (note.kind === 'assigned' ? [`${note.to} ${note.assignment.record.key.handoff[0]}`] : [])),
    ['next 2'],
  )
})

test('over the control link: facts come with the enrolment and the renewal, and the record keeps what an heir is chosen by', async () => {
  await using relay = new TestRelay()
  const peer = async (facts: Facts) => {
    const made = new RelayPeer(relay, makeMember(relay.pool))
    await made.enrol(undefined, facts)
    return made
  }
  const [far, near] = [await peer({ zone: 'a' }), await peer({ zone: 'a' })]
  for (const each of [far, near]) await each.wait()
  await near.ask({ case: 'renew', value: { $typeName: 'heirloom.wire.v1.Renew', facts: factsMessage({ zone: 'b', freeBytes: 5 }) } })
  const old = await peer({ zone: 'b', prefers: { zone: 3 } })
  await old.offer({ bytes: 7n, worth: 2, part: 'p' })
  const note = await near.notes.next()
  assert.is(note.event.case, 'assigned')
  const [record] = relay.records.list()
  assert.equal(record!.wish, { zone: 'b', prefers: { zone: 3 }, bytes: 7, worth: 2, part: 'p' })
  assert.equal(decodeRecord(encodeRecord(record!)), record)
  await old.ask({ case: 'leave', value: { $typeName: 'heirloom.wire.v1.Leave' } })
})

test('facts out of bounds are as if they had not been said', () => {
  const parts = Array.from({ length: factsPartsMax + 5 }, (_, at) => `${at}`)
  const { zone, load, price, prefers, ...rest } = readFacts(
    factsMessage({ zone: 'z'.repeat(factsTextMax + 1), load: NaN, price: -1, prefers: { zone: Infinity, load: 2 }, parts }),
  )
  assert.equal([zone, load, price, prefers], [undefined, undefined, undefined, { load: 2 }])
  assert.is(rest.parts!.length, factsPartsMax)
  assert.equal(readFacts(undefined), {})
})

test('among very many the best is looked for among those that have waited longest', () => {
  const desk = new Desk()
  for (let at = 0; at < rankedSuccessorsMax; at++) desk.wait([`${at}`, { zone: 'a' }])
  desk.wait(['last', { zone: 'b' }])
  assert.is(desk.offer('1', { zone: 'b' }), '0')
})

test.run()
