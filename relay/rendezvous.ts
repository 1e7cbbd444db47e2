// Who hands to whom: the relay's state machine (src/wire/PROTOCOL.md, "Control"), without I/O and without promises. Requests of enrolled
// peers and time go in; answers and outcomes come out. Checking certificates and headers is done before.
//
// Invariants: claims to a handoff only rise, by epoch and by the relay that gave it; the highest alone is valid; at most one peer holds a handoff, and a peer
// is given at most one that isn't finished. All of it holds in memory at once; outcome.ts says what must be durable before somebody is told.

import { isDeepStrictEqual } from 'node:util'
import { HeirloomError } from '../src/errors.ts'
import { rankHandoffs, takesPart, type Wish } from '../src/plan/rank-successors.ts'
import { declinedPeersMax, finishedKeepMs, handoffsPerPoolMax, keepMsMax } from '../src/limits/relay.ts'
import { forgettable, openHandoffs } from './finished.ts'
import { isAbove, type ForeignClaim } from './claim-order.ts'
import { HandoffTable } from './handoff-table.ts'
import { emptyOutcome, isEmpty, type AssignmentNews, type HeirNews, type Outcome } from './outcome.ts'
import type { Presence } from './presence.ts'
import type { Finishing, Offering } from './offering.ts'
import { isLost, renewedAhead } from './standing.ts'
import type { HandoffKey, HandoffRecord } from './store/store.ts'
import { Waiting } from './waiting.ts'

interface Handoff {
  record: HandoffRecord
  /** Whether the predecessor was told last that its heir is there. */
  toldHeld: boolean
  /** The last save failed: it is made again with whatever comes next. */
  unsaved: boolean
  /** The enrolment on which the predecessor spoke of it last. */
  enrolment: number
  /** Peers that gave it back, each with the epoch it had. */
  readonly declined: Map<string, number>
}

export interface RendezvousOptions {
  /** This relay's own peer id. */
  readonly self: string
  readonly records: Iterable<HandoffRecord>
  readonly presence: Presence
  /** Whether the store has packs of a handoff: one without packs and without a predecessor is nothing to inherit. */
  readonly hasPacks: (key: HandoffKey) => boolean
}

export class Rendezvous {
  readonly #handoffs = new HandoffTable<Handoff>()
  readonly #waiting: Waiting
  readonly #self: string
  readonly #presence: Presence
  readonly #hasPacks: (key: HandoffKey) => boolean

  constructor({ self, records, presence, hasPacks }: RendezvousOptions) {
    this.#self = self
    this.#presence = presence
    this.#waiting = new Waiting(presence)
    this.#hasPacks = hasPacks
    for (const record of records) {
      this.#handoffs.add({ record, toldHeld: record.heir !== undefined, unsaved: false, enrolment: 0, declined: new Map() })
      // After a restart everybody has one lease to come back.
      presence.grace(record.predecessor)
      if (record.heir !== undefined) presence.grace(record.heir)
    }
  }

  get waiting(): number {
    return this.#waiting.size
  }

  records(): HandoffRecord[] {
    return this.#handoffs.all().map(({ record }) => record)
  }

  find(key: HandoffKey): HandoffRecord | undefined {
    return this.#handoffs.find(key)?.record
  }

  /** Whether this peer with this epoch is the heir: also when its lease has ended, as long as nobody else has claimed. */
  isHeir(key: HandoffKey, peer: string, epoch: number): boolean {
    const record = this.find(key)
    return record !== undefined && record.heir === peer && record.epoch === epoch
  }

  /** Whether more packs may come: not closed, and the predecessor is at it or may come back within its lease. */
  mayGrow(record: HandoffRecord): boolean {
    const handoff = this.#handoffs.find(record.key)
    return record.packs === undefined && !record.finished && !isLost(record) && handoff !== undefined && this.#isAttended(handoff)
  }

  /** The predecessor has shown that it is at this handoff, on the link that it has now. */
  attended(key: HandoffKey): void {
    const handoff = this.#handoffs.find(key)
    if (handoff !== undefined) handoff.enrolment = this.#presence.enrolment(handoff.record.predecessor)
  }

  /**
   * Throws `unauthorised` for a handoff of somebody else or with another header, `fenced` for a standing one that was claimed while its
   * predecessor was gone, `quota` when the pool has too many.
   */
  offer(peer: string, key: HandoffKey, offering: Offering): { heir: HeirNews | undefined; outcome: Outcome } {
    const { header, keepMs, nowMs, ahead, wish, claimed } = offering
    const known = this.#handoffs.find(key)
    if (known !== undefined) {
      if (known.record.predecessor !== peer || Buffer.compare(known.record.header, header) !== 0) {
        throw new HeirloomError('unauthorised', 'this handoff was offered by another peer or with another header')
      }
      if (isLost(known.record)) throw new HeirloomError('fenced', 'this standing handoff was claimed: its predecessor was gone')
      this.attended(key)
      const outcome = this.#touch(known)
      if (wish !== undefined && !isDeepStrictEqual(wish, known.record.wish)) this.#change(known, { wish }, outcome)
      this.#hear(known, claimed, outcome)
      this.#offerAgain(known, offering, nowMs + Math.min(keepMs, keepMsMax), outcome)
      return { heir: this.#heirOf(known), outcome }
    }
    const ofPool = openHandoffs(this.#handoffs.inPool(key.pool))
    if (ofPool >= handoffsPerPoolMax) throw new HeirloomError('quota', `the pool has ${ofPool} handoffs at this relay already`)
    // Whoever hands its own state on is going, and can't inherit.
    if (ahead?.standing !== true) this.#waiting.delete(peer)
    const expiresAtMs = nowMs + Math.min(keepMs, keepMsMax)
    const record = {
      key,
      header,
      predecessor: peer,
      heir: undefined,
      epoch: 0,
      packs: undefined,
      finished: false,
      offeredAtMs: nowMs,
      expiresAtMs,
      ...(ahead && { ahead }),
      ...(wish && { wish }),
    }
    const handoff = { record, toldHeld: false, unsaved: true, enrolment: this.#presence.enrolment(peer), declined: new Map() }
    this.#handoffs.add(handoff)
    const outcome = this.#touch(handoff)
    this.#hear(handoff, claimed, outcome)
    this.#match(handoff, outcome)
    return { heir: this.#heirOf(handoff), outcome }
  }

  /** The predecessor has heard of a claim elsewhere. Its heir may be linked here, too, and has one lease to come if it isn't. */
  #hear(handoff: Handoff, claimed: ForeignClaim | undefined, outcome: Outcome): void {
    if (claimed === undefined || handoff.record.finished || !isAbove(claimed, handoff.record, this.#self)) return
    this.#presence.grace(claimed.heir)
    this.#adopt(handoff, claimed, outcome)
    outcome.notes.push({ to: claimed.heir, kind: 'assigned', assignment: this.#news(handoff.record) })
  }

  #offerAgain(handoff: Handoff, { ahead, nowMs }: Offering, expiresAtMs: number, outcome: Outcome): void {
    const fields = renewedAhead(handoff.record, ahead, nowMs)
    if (fields === undefined) return
    this.#change(handoff, { ...fields, offeredAtMs: nowMs, expiresAtMs }, outcome)
    if (fields.ahead.standing) return
    this.#waiting.delete(handoff.record.predecessor)
    this.#match(handoff, outcome)
  }

  /** A predecessor takes back what nobody has claimed. Throws `not-found`, or `fenced` when somebody has. */
  withdraw(peer: string, key: HandoffKey): Outcome {
    const handoff = this.#handoffs.find(key)
    if (handoff === undefined || handoff.record.predecessor !== peer) throw new HeirloomError('not-found', 'there is no such handoff')
    if (handoff.record.epoch > 0) throw new HeirloomError('fenced', 'this handoff was claimed')
    return this.#remove(handoff)
  }

  /** Without an assignment the peer waits from now on. */
  wait(peer: string, pool: string): { assignment: AssignmentNews; outcome: Outcome } | undefined {
    const own = this.#heldBy(peer, pool)
    if (own !== undefined) return this.#resume(own)
    const best = this.#bestFor(peer, pool)
    if (best !== undefined) return this.#claimNow(best, peer)
    this.#waiting.add(peer, pool)
    return undefined
  }

  /** The peers of a pool that wait and can be reached, the fittest for a wish first, and among equals whoever has waited longest. */
  waitingIn(pool: string, wish: Wish, suits?: (peer: string) => boolean): string[] {
    return this.#waiting.fittest(pool, wish, suits)
  }

  leave(peer: string): void {
    this.#waiting.delete(peer)
  }

  /** Epoch 0: a new claim. One that another relay gave is taken up if it stands above what is known here. Throws `not-found`, `already-claimed`, `fenced`. */
  claim(peer: string, key: HandoffKey, claim: ForeignClaim | { epoch: number }): { assignment: AssignmentNews; outcome: Outcome } {
    const { epoch } = claim
    const handoff = this.#handoffs.find(key)
    const isOthers = handoff?.record.finished === true && handoff.record.heir !== peer && epoch > 0
    if (handoff === undefined || handoff.record.predecessor === peer || (handoff.record.finished && !isOthers)) {
      throw new HeirloomError('not-found', 'there is no such handoff to claim')
    }
    const { record } = handoff
    if (record.heir === peer && (epoch === 0 || epoch === record.epoch)) return this.#resume(handoff)
    if (!isOthers && 'assignedBy' in claim && isAbove(claim, record, this.#self)) {
      const outcome = this.#touch(handoff, peer)
      this.#adopt(handoff, claim, outcome)
      return { assignment: this.#news(handoff.record), outcome }
    }
    if (epoch > 0) throw new HeirloomError('fenced', `epoch ${epoch} of this handoff isn't the highest any more`)
    if (this.#isHeld(handoff)) throw new HeirloomError('already-claimed', 'another successor has claimed this handoff')
    if (this.#heldBy(peer, key.pool) !== undefined) {
      throw new HeirloomError('already-claimed', 'this peer has claimed another handoff', { hint: 'finish or release that one first' })
    }
    return this.#claimNow(handoff, peer)
  }

  /** Throws `not-found`, or `malformed` when it was closed with another number of packs. */
  close(peer: string, key: HandoffKey, packs: number): Outcome {
    const handoff = this.#handoffs.find(key)
    if (handoff === undefined || handoff.record.predecessor !== peer)
      throw new HeirloomError('not-found', 'there is no such handoff to close')
    const closedWith = handoff.record.packs
    if (closedWith !== undefined && closedWith !== packs)
      throw new HeirloomError('malformed', `the handoff was closed with ${closedWith} packs, not ${packs}`)
    const outcome = this.#touch(handoff)
    if (closedWith === undefined) this.#change(handoff, { packs }, outcome)
    return outcome
  }

  /** Throws `not-found`, or `fenced` when the peer isn't the heir with this epoch. */
  finish(peer: string, key: HandoffKey, { epoch, released, above, nowMs }: Finishing): Outcome {
    const handoff = this.#handoffs.find(key)
    if (handoff === undefined) throw new HeirloomError('not-found', 'there is no such handoff to finish')
    const { record, declined } = handoff
    const wasReleased = released && declined.get(peer) === epoch
    if (!wasReleased && (record.heir !== peer || record.epoch !== epoch)) {
      throw new HeirloomError('fenced', `epoch ${epoch} of this handoff isn't the highest any more`)
    }
    const outcome = this.#touch(handoff, peer)
    if (wasReleased || record.finished) return outcome
    if (released && above !== undefined && isAbove(above, record, this.#self)) this.#hear(handoff, above, outcome)
    else if (released) {
      if (declined.size >= declinedPeersMax) declined.delete(declined.keys().next().value!)
      declined.set(peer, epoch)
      this.#change(handoff, { heir: undefined }, outcome)
      this.#tellPredecessor(handoff, outcome)
      this.#match(handoff, outcome)
    } else {
      this.#change(handoff, { finished: true, expiresAtMs: Math.min(record.expiresAtMs, nowMs + finishedKeepMs) }, outcome)
      outcome.drop = true
      this.#tellPredecessor(handoff, outcome)
    }
    return outcome
  }

  /** The record that an outcome asked to be saved is not durable. It is saved again with the next step of its handoff. */
  saveFailed(key: HandoffKey): void {
    const handoff = this.#handoffs.find(key)
    if (handoff !== undefined) handoff.unsaved = true
  }

  /** Time has passed, or peers have come and gone: leases that ended, records that expired, saves to make again. */
  tick(nowMs: number): Outcome[] {
    this.#waiting.sweep()
    const forgotten = new Set([...this.#handoffs.pools()].flatMap((ofPool) => forgettable(ofPool)))
    // Where there are more handoffs than successors, what is worth most is given first.
    return this.#handoffs
      .all()
      .sort((a, b) => (b.record.wish?.worth ?? 1) - (a.record.wish?.worth ?? 1))
      .map((handoff) => (forgotten.has(handoff) || this.#isOver(handoff, nowMs) ? this.#remove(handoff) : this.#refresh(handoff)))
      .filter((outcome) => !isEmpty(outcome))
  }

  #refresh(handoff: Handoff): Outcome {
    const { unsaved, record } = handoff
    const outcome = this.#touch(handoff)
    if (record.finished) return outcome
    if (unsaved || handoff.toldHeld !== this.#isHeld(handoff)) this.#tellPredecessor(handoff, outcome)
    this.#match(handoff, outcome)
    return outcome
  }

  #remove(handoff: Handoff): Outcome {
    const { record } = handoff
    this.#handoffs.delete(record.key)
    const notes: Outcome['notes'] = this.#isHeld(handoff) ? [{ to: record.heir!, kind: 'fenced', record }] : []
    return { ...emptyOutcome(record.key), forget: true, drop: true, notes }
  }

  /** Kept too long; or nothing that anybody could ever inherit. What is being handed over just now is kept for as long as anything may be. */
  #isOver(handoff: Handoff, nowMs: number): boolean {
    const { epoch, expiresAtMs, offeredAtMs, finished, key } = handoff.record
    if (epoch === 0 && !this.#isAttended(handoff) && !this.#hasPacks(key)) return true
    if (nowMs < expiresAtMs) return false
    return finished || nowMs >= offeredAtMs + keepMsMax || !(this.#isHeld(handoff) || this.mayGrow(handoff.record))
  }

  /** Gives a handoff, if it is free, to the fittest of those that wait. */
  #match(handoff: Handoff, outcome: Outcome): void {
    if (handoff.record.finished || this.#isHeld(handoff)) return
    const { key, wish = {} } = handoff.record
    const [peer] = this.waitingIn(key.pool, wish, (each) => this.#isFreeFor(handoff, each))
    if (peer === undefined) return
    this.#assign(handoff, peer, outcome)
    outcome.notes.push({ to: peer, kind: 'assigned', assignment: this.#news(handoff.record) })
  }

  /** The handoff that this peer should have: what is worth most to it, and the newest of equals. */
  #bestFor(peer: string, pool: string): Handoff | undefined {
    const free = [...this.#handoffs.inPool(pool)].filter((handoff) => this.#isFreeFor(handoff, peer))
    // Of those that came in the same moment the last one is the newest.
    const newestFirst = free.reverse().sort((a, b) => b.record.offeredAtMs - a.record.offeredAtMs)
    const wished = newestFirst.map((handoff) => ({ handoff, wish: handoff.record.wish ?? {} }))
    return rankHandoffs(wished, { id: peer, ...this.#presence.facts(peer) })[0]?.handoff
  }

  #claimNow(handoff: Handoff, peer: string): { assignment: AssignmentNews; outcome: Outcome } {
    const outcome = this.#touch(handoff)
    this.#assign(handoff, peer, outcome)
    return { assignment: this.#news(handoff.record), outcome }
  }

  /** The heir is there again, perhaps at other addresses. */
  #resume(handoff: Handoff): { assignment: AssignmentNews; outcome: Outcome } {
    this.#waiting.delete(handoff.record.heir!)
    const outcome = this.#touch(handoff, handoff.record.heir)
    this.#tellPredecessor(handoff, outcome)
    return { assignment: this.#news(handoff.record), outcome }
  }

  #assign(handoff: Handoff, peer: string, outcome: Outcome): void {
    this.#adopt(handoff, { heir: peer, epoch: handoff.record.epoch + 1, assignedBy: this.#self }, outcome)
  }

  #adopt(handoff: Handoff, { heir: peer, epoch, assignedBy }: ForeignClaim, outcome: Outcome): void {
    const { heir } = handoff.record
    this.#waiting.delete(peer)
    handoff.declined.delete(peer)
    // Of an earlier heir that never heard of it.
    outcome.notes = outcome.notes.filter(({ kind }) => kind !== 'assigned')
    const { assignedBy: _before, ...record } = handoff.record
    handoff.record = record
    this.#change(handoff, { heir: peer, epoch, ...(assignedBy !== this.#self && { assignedBy }) }, outcome)
    if (heir !== undefined && heir !== peer) outcome.notes.push({ to: heir, kind: 'fenced', record: handoff.record })
    this.#tellPredecessor(handoff, outcome)
  }

  #change(handoff: Handoff, fields: Partial<HandoffRecord>, outcome: Outcome): void {
    handoff.record = { ...handoff.record, ...fields }
    outcome.save = handoff.record
  }

  /**
   * Begins a step that won't be refused any more, whoever takes it. Of a change that could not be saved all is made up for: the heir has not heard of its
   * assignment, the packs of what is finished are still there.
   */
  #touch(handoff: Handoff, by?: string): Outcome {
    const { unsaved, record } = handoff
    const outcome = emptyOutcome(record.key)
    if (!unsaved) return outcome
    outcome.save = record
    handoff.unsaved = false
    outcome.drop = record.finished
    if (record.heir !== undefined && record.heir !== by && !record.finished)
      outcome.notes.push({ to: record.heir, kind: 'assigned', assignment: this.#news(record) })
    return outcome
  }

  /** One note an outcome: what holds at its end. */
  #tellPredecessor(handoff: Handoff, outcome: Outcome): void {
    const { record } = handoff
    const heir = this.#heirOf(handoff)
    handoff.toldHeld = heir !== undefined
    outcome.notes = outcome.notes.filter((note) => note.kind !== 'heir-changed')
    outcome.notes.push({ to: record.predecessor, kind: 'heir-changed', record, heir, finished: record.finished })
  }

  #isHeld({ record }: Handoff): boolean {
    return record.heir !== undefined && !record.finished && this.#presence.isPresent(record.heir)
  }

  #isFreeFor(handoff: Handoff, peer: string): boolean {
    const { record, declined } = handoff
    if (record.finished || record.predecessor === peer || declined.has(peer) || this.#isHeld(handoff)) return false
    if (!takesPart(this.#presence.facts(peer), record.wish ?? {})) return false
    if (record.ahead?.standing === true && this.#presence.isPresent(record.predecessor) && !isLost(record)) return false
    return this.#isAttended(handoff) || this.#hasPacks(record.key)
  }

  /** The predecessor is there, and has not forgotten it by being started again. */
  #isAttended({ record, enrolment }: Handoff): boolean {
    return this.#presence.isPresentSince(record.predecessor, enrolment)
  }

  #heldBy(peer: string, pool: string): Handoff | undefined {
    for (const handoff of this.#handoffs.inPool(pool)) if (handoff.record.heir === peer && !handoff.record.finished) return handoff
    return undefined
  }

  #heirOf(handoff: Handoff): HeirNews | undefined {
    const { heir, epoch, assignedBy } = handoff.record
    if (heir === undefined || !this.#isHeld(handoff)) return undefined
    return { peer: heir, epoch, ...(assignedBy !== undefined && { assignedBy }), addresses: this.#presence.addresses(heir) }
  }

  #news(record: HandoffRecord): AssignmentNews {
    return { record, addresses: this.#presence.addresses(record.predecessor), live: this.mayGrow(record) }
  }
}
