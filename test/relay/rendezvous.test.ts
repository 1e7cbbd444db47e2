// Who hands to whom, by example: what PROTOCOL.md says under "Control".

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { finishedPerPoolMax, handoffsPerPoolMax, keepMsMax } from '../../src/limits/relay.ts'
import type { Note, Outcome } from '../../relay/outcome.ts'
import { Presence } from '../../relay/presence.ts'
import { Rendezvous } from '../../relay/rendezvous.ts'
import type { HandoffKey, HandoffRecord } from '../../relay/store/store.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { refused } from '../helpers/refusal.ts'

const test = suite('rendezvous')

const pool = 'a'.repeat(64)
const otherPool = 'b'.repeat(64)
const leaseMs = 10_000
const hourMs = 3_600_000
const keyOf = (digit: string, of = pool): HandoffKey => ({ pool: of, handoff: digit.repeat(32) })
const one = keyOf('1')
const two = keyOf('2')

class Desk {
  readonly clock = new ManualClock(1_000_000)
  readonly presence = new Presence(this.clock, leaseMs)
  readonly stored = new Set<string>()
  readonly rendezvous: Rendezvous

  constructor(records: readonly HandoffRecord[] = []) {
    const hasPacks = (key: HandoffKey) => this.stored.has(key.handoff)
    this.rendezvous = new Rendezvous({ self: 'relay', records, presence: this.presence, hasPacks })
  }

  link(...peers: string[]): void {
    for (const peer of peers) this.presence.linkOpened(peer, { addresses: [`/at/${peer}`], pool })
  }

  offer(peer: string, key: HandoffKey, { header = new Uint8Array([1]), keepMs = hourMs } = {}) {
    return this.rendezvous.offer(peer, key, { header, keepMs, nowMs: this.clock.nowMs() })
  }

  wait(peer: string, of = pool) {
    return this.rendezvous.wait(peer, of)
  }

  claim(peer: string, key: HandoffKey, epoch = 0) {
    return this.rendezvous.claim(peer, key, { epoch })
  }

  finish(peer: string, key: HandoffKey, epoch: number, released = false): Outcome {
    return this.rendezvous.finish(peer, key, { epoch, released, nowMs: this.clock.nowMs() })
  }

  tick(): Outcome[] {
    return this.rendezvous.tick(this.clock.nowMs())
  }

  /** The peers speak while time passes; the others are silent. */
  pass(durationMs: number, ...speaking: string[]): Outcome[] {
    const outcomes: Outcome[] = []
    for (let passedMs = 0; passedMs < durationMs; passedMs += 1000) {
      this.clock.advance(1000)
      for (const peer of speaking) this.presence.heard(peer)
      outcomes.push(...this.tick())
    }
    return outcomes
  }
}

function notes(of: Outcome | readonly Outcome[]): string[] {
  return [of].flat().flatMap((outcome) => outcome.notes.map(noteText))
}

function noteText(note: Note): string {
  if (note.kind === 'assigned') return `${note.to} is assigned epoch ${note.assignment.record.epoch}`
  if (note.kind === 'fenced') return `${note.to} is fenced by epoch ${note.record.epoch}`
  return `${note.to} hears of ${note.heir === undefined ? 'nobody' : `${note.heir.peer} with epoch ${note.heir.epoch}`}${note.finished ? ', finished' : ''}`
}

test('a handoff goes to the successor that has waited longest', () => {
  const desk = new Desk()
  desk.link('old', 'first', 'second')
  assert.is(desk.wait('first'), undefined)
  assert.is(desk.wait('second'), undefined)
  assert.is(desk.wait('first'), undefined)
  const { heir, outcome } = desk.offer('old', one)
  assert.equal(heir, { peer: 'first', epoch: 1, addresses: ['/at/first'] })
  assert.is(outcome.save?.epoch, 1, 'one save has both the offer and the claim')
  assert.equal(notes(outcome), ['old hears of first with epoch 1', 'first is assigned epoch 1'])
  assert.is(desk.rendezvous.waiting, 1)
})

test('a successor that comes later gets the newest handoff that nobody holds', () => {
  const desk = new Desk()
  desk.link('a', 'b', 'heir')
  desk.offer('a', one)
  desk.clock.advance(5)
  desk.offer('b', two)
  assert.equal(desk.wait('heir')?.assignment.record.key, two)
})

test('a repeated offer is a reconnection; with another header or by another peer it is refused', () => {
  const desk = new Desk()
  desk.link('old', 'thief', 'heir')
  desk.wait('heir')
  const first = desk.offer('old', one)
  const again = desk.offer('old', one)
  assert.equal(again.heir, first.heir)
  assert.is(again.outcome.save, undefined)
  refused(() => desk.offer('old', one, { header: new Uint8Array([2]) }), 'unauthorised')
  refused(() => desk.offer('thief', one), 'unauthorised')
})

test('waiting again while having an assignment repeats that assignment', () => {
  const desk = new Desk()
  desk.link('a', 'b', 'heir')
  desk.offer('a', one)
  const first = desk.wait('heir')!
  desk.offer('b', two)
  const again = desk.wait('heir')!
  assert.equal(again.assignment.record, first.assignment.record)
  assert.is(again.outcome.save, undefined)
})

test("a peer isn't assigned its own handoff, nor one of another pool", () => {
  const desk = new Desk()
  desk.link('old', 'stranger')
  desk.offer('old', one)
  assert.is(desk.wait('old'), undefined)
  assert.is(desk.wait('stranger', otherPool), undefined)
  refused(() => desk.claim('old', one), 'not-found')
  refused(() => desk.claim('stranger', { ...one, pool: otherPool }), 'not-found')
})

test('second claim: exactly one wins, the other is told that it is claimed already', () => {
  const desk = new Desk()
  desk.link('old', 'winner', 'loser')
  desk.offer('old', one)
  assert.is(desk.claim('winner', one).assignment.record.epoch, 1)
  refused(() => desk.claim('loser', one), 'already-claimed')
  assert.is(desk.claim('winner', one).assignment.record.epoch, 1, 'the same claim again gets the same answer')
})

test('a peer with an assignment that is not finished cannot claim another', () => {
  const desk = new Desk()
  desk.link('a', 'b', 'heir')
  desk.offer('a', one)
  desk.offer('b', two)
  desk.claim('heir', one)
  refused(() => desk.claim('heir', two), 'already-claimed')
  desk.finish('heir', one, 1)
  assert.is(desk.claim('heir', two).assignment.record.epoch, 1)
})

test('an heir whose links are closed for a lease is gone: the next one that waits gets a higher epoch, the old one is fenced', () => {
  const desk = new Desk()
  desk.link('old', 'dead', 'next')
  desk.wait('dead')
  desk.offer('old', one)
  desk.wait('next')
  desk.presence.linkClosed('dead')
  assert.equal(notes(desk.pass(leaseMs, 'old', 'next')), [])
  const outcomes = desk.pass(1000, 'old', 'next')
  assert.equal(notes(outcomes), ['dead is fenced by epoch 2', 'old hears of next with epoch 2', 'next is assigned epoch 2'])
  assert.is(outcomes[0]!.save?.epoch, 2)
  desk.link('dead')
  refused(() => desk.claim('dead', one, 1), 'fenced')
  refused(() => desk.finish('dead', one, 1), 'fenced')
  assert.not(desk.rendezvous.isHeir(one, 'dead', 1))
})

test('an heir that says nothing for a lease is gone although its link is open, and keeps its epoch when it comes back first', () => {
  const desk = new Desk()
  desk.link('old', 'heir')
  desk.wait('heir')
  desk.offer('old', one)
  assert.equal(notes(desk.pass(leaseMs + 1000, 'old')), ['old hears of nobody'])
  assert.ok(desk.rendezvous.isHeir(one, 'heir', 1), 'nobody else has claimed')
  desk.presence.heard('heir')
  assert.equal(notes(desk.tick()), ['old hears of heir with epoch 1'])
  const { assignment, outcome } = desk.claim('heir', one, 1)
  assert.is(assignment.record.epoch, 1)
  assert.is(outcome.save, undefined)
})

test('a successor that waits and falls silent is not given anything until it is heard again', () => {
  const desk = new Desk()
  desk.link('old', 'sleeper')
  desk.wait('sleeper')
  desk.pass(leaseMs + 2000, 'old')
  assert.is(desk.offer('old', one).heir, undefined)
  desk.presence.heard('sleeper')
  assert.equal(notes(desk.tick()), ['old hears of sleeper with epoch 1', 'sleeper is assigned epoch 1'])
})

test('a handoff that is given back goes to another, never to the same again', () => {
  const desk = new Desk()
  desk.link('old', 'picky', 'next')
  desk.offer('old', one)
  desk.wait('picky')
  const outcome = desk.finish('picky', one, 1, true)
  assert.equal(notes(outcome), ['old hears of nobody'])
  assert.is(desk.wait('picky'), undefined)
  assert.is(desk.wait('next')?.assignment.record.epoch, 2)
  assert.equal(desk.finish('picky', one, 1, true).save, undefined, 'giving it back again changes nothing')
  refused(() => desk.finish('picky', one, 1), 'fenced')
})

test('a finished handoff drops its packs, can be finished again, and cannot be claimed', () => {
  const desk = new Desk()
  desk.link('old', 'heir', 'late')
  desk.offer('old', one)
  desk.wait('heir')
  const outcome = desk.finish('heir', one, 1)
  assert.ok(outcome.drop)
  assert.ok(outcome.save?.finished)
  assert.equal(notes(outcome), ['old hears of nobody, finished'])
  assert.not(desk.finish('heir', one, 1).drop)
  assert.is(desk.wait('late'), undefined)
  refused(() => desk.claim('late', one), 'not-found')
})

test('a handoff is closed once; by another peer or with another number of packs it is refused', () => {
  const desk = new Desk()
  desk.link('old', 'other')
  desk.offer('old', one)
  assert.is(desk.rendezvous.close('old', one, 7).save?.packs, 7)
  assert.is(desk.rendezvous.close('old', one, 7).save, undefined)
  refused(() => desk.rendezvous.close('old', one, 8), 'malformed')
  refused(() => desk.rendezvous.close('other', one, 7), 'not-found')
})

test('a predecessor that is gone leaves what the store has; without packs there is nothing to inherit', () => {
  const desk = new Desk()
  desk.link('a', 'b')
  desk.offer('a', one)
  desk.offer('b', two)
  desk.stored.add(one.handoff)
  desk.presence.linkClosed('a')
  desk.presence.linkClosed('b')
  const outcomes = desk.pass(leaseMs + 1000)
  assert.equal(
    outcomes.filter(({ forget }) => forget).map(({ key }) => key),
    [two],
  )
  desk.link('heir')
  const { assignment } = desk.wait('heir')!
  assert.equal(assignment.record.key, one)
  assert.not(assignment.live)
})

test('what nobody claims expires, with its packs; what is being handed over does not, until the longest time anything is kept', () => {
  const desk = new Desk()
  desk.link('a', 'b', 'heir')
  desk.stored.add(one.handoff).add(two.handoff)
  desk.offer('a', one, { keepMs: 20_000 })
  desk.offer('b', two, { keepMs: 20_000 })
  desk.claim('heir', two)
  desk.rendezvous.close('a', one, 1)
  desk.rendezvous.close('b', two, 1)
  const outcomes = desk.pass(30_000, 'a', 'b', 'heir').filter(({ forget }) => forget)
  assert.equal(
    outcomes.map(({ key, drop }) => ({ key, drop })),
    [{ key: one, drop: true }],
  )
  desk.clock.advance(keepMsMax)
  desk.presence.heard('heir')
  assert.equal(notes(desk.tick()), ['heir is fenced by epoch 1'])
  assert.is(desk.rendezvous.find(two), undefined)
})

test('after a restart heir and predecessor have one lease to come back', () => {
  const before = new Desk()
  before.link('old', 'heir')
  before.offer('old', one)
  const { outcome } = before.wait('heir')!
  const after = new Desk([outcome.save!])
  after.link('next')
  assert.is(after.wait('next'), undefined, 'the heir may come back')
  refused(() => after.claim('next', one), 'already-claimed')
  assert.equal(notes(after.pass(leaseMs, 'next')), [])
  after.link('old')
  assert.equal(notes(after.pass(1000, 'next', 'old')), [
    'heir is fenced by epoch 2',
    'old hears of next with epoch 2',
    'next is assigned epoch 2',
  ])
})

test('a save that failed is made again with the next step, and whom it concerns is told then', () => {
  const desk = new Desk()
  desk.link('old', 'heir')
  desk.wait('heir')
  desk.offer('old', one)
  desk.rendezvous.saveFailed(one)
  const again = desk.offer('old', one)
  assert.is(again.outcome.save?.epoch, 1)
  desk.rendezvous.saveFailed(one)
  const [outcome] = desk.tick()
  assert.is(outcome?.save?.epoch, 1)
  assert.equal(notes(outcome!), ['heir is assigned epoch 1', 'old hears of heir with epoch 1'])
  assert.equal(desk.tick(), [])
})

test('whoever offers its own state does not wait any more', () => {
  const desk = new Desk()
  desk.link('a', 'b')
  desk.wait('a')
  desk.offer('a', one)
  assert.is(desk.offer('b', two).heir, undefined)
})

test('a predecessor that was started again and does not take its handoff up is gone after one lease, though it renews', () => {
  const desk = new Desk()
  desk.link('old', 'new')
  desk.offer('old', one)
  desk.stored.add(one.handoff)
  desk.wait('new')
  const grows = () => desk.rendezvous.mayGrow(desk.rendezvous.find(one)!)
  desk.presence.linkClosed('old')
  desk.link('old')
  desk.pass(leaseMs, 'old', 'new')
  assert.ok(grows(), 'it has a lease to take it up')
  desk.pass(1000, 'old', 'new')
  assert.not(grows())
  desk.rendezvous.attended(one)
  assert.ok(grows(), 'whoever sends packs of it is at it')
})

test('a predecessor that repeats its offer on a new link is at it for as long as it lives', () => {
  const desk = new Desk()
  desk.link('old', 'new')
  desk.offer('old', one)
  desk.presence.linkClosed('old')
  desk.link('old')
  desk.offer('old', one)
  desk.pass(5 * leaseMs, 'old')
  assert.ok(desk.rendezvous.mayGrow(desk.rendezvous.find(one)!))
})

test('what a predecessor forgot, and the store never had, is forgotten', () => {
  const desk = new Desk()
  desk.link('old')
  desk.offer('old', one)
  desk.presence.linkClosed('old')
  desk.link('old')
  desk.pass(leaseMs + 1000, 'old')
  assert.is(desk.rendezvous.find(one), undefined)
})

test('an heir whose assignment could not be saved hears of it when it is, whoever makes that happen', () => {
  const steps: [string, (desk: Desk) => Outcome | readonly Outcome[]][] = [
    ['a repeated offer', (desk) => desk.offer('old', one).outcome],
    ['the close', (desk) => desk.rendezvous.close('old', one, 3)],
    ['time', (desk) => desk.tick()],
  ]
  for (const [name, step] of steps) {
    const desk = new Desk()
    desk.link('old', 'new')
    desk.wait('new')
    desk.offer('old', one)
    desk.rendezvous.saveFailed(one)
    assert.ok(notes(step(desk)).includes('new is assigned epoch 1'), name)
  }
})

test('the packs of a handoff whose end could not be saved are dropped when it is', () => {
  const desk = new Desk()
  desk.link('old', 'new')
  desk.offer('old', one)
  desk.wait('new')
  assert.ok(desk.finish('new', one, 1).drop)
  desk.rendezvous.saveFailed(one)
  assert.equal(
    desk.tick().map(({ drop }) => drop),
    [true],
  )
})

test('a pool may have any number of handoffs one after the other: what is finished counts for nothing, and not all of it is remembered', () => {
  const desk = new Desk()
  desk.link('old', 'heir')
  const numbered = (number: number): HandoffKey => ({ pool, handoff: number.toString(16).padStart(32, '0') })
  const finished = finishedPerPoolMax + 10
  for (let number = 0; number < finished; number++) {
    desk.clock.advance(1)
    desk.offer('old', numbered(number))
    desk.finish('heir', numbered(number), desk.claim('heir', numbered(number)).assignment.record.epoch)
  }
  for (let number = 0; number < handoffsPerPoolMax; number++) desk.offer('old', numbered(finished + number))
  refused(() => desk.offer('old', numbered(-1)), 'quota')
  const forgotten = desk.tick().flatMap(({ forget, key }) => (forget ? [key] : []))
  const oldest = Array.from({ length: 10 }, (_, number) => numbered(number))
  assert.equal(forgotten, oldest)
  assert.equal(desk.finish('heir', numbered(10), 1).notes, [], 'the others are still known')
  refused(() => desk.finish('heir', numbered(9), 1), 'not-found')
})

test.run()
