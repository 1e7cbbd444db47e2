// Who is there: links and leases of enrolled peers. A peer is linked while it has a control link, and present until its lease
// ends: leaseMs after it was last heard, or after its last link closed.
//
// Invariant: no lease ends by time in which the relay itself was held up and heard nobody.

import type { Clock } from '../src/clock.ts'
import { HeirloomError } from '../src/errors.ts'
import type { Facts } from '../src/wire/facts.ts'
import { enrolledPeersMax } from '../src/limits/relay.ts'

interface Peer {
  links: number
  heardMs: number
  /** The latest one: its number, and when it was. */
  enrolment: number
  enrolledMs: number
  addresses: readonly string[]
  pool: string
  facts: Facts
}

export class Presence {
  readonly #clock: Clock
  readonly #leaseMs: number
  readonly #peers = new Map<string, Peer>()
  #linked = 0
  #dueMs = Infinity
  #heldUpMs = 0
  #enrolments = 0

  constructor(clock: Clock, leaseMs: number) {
    this.#clock = clock
    this.#leaseMs = leaseMs
  }

  /** How many peers have a link. */
  get linked(): number {
    return this.#linked
  }

  /** A peer that is not known to be gone, from the records or from another relay's: it may come within one lease. */
  grace(peer: string): void {
    const nowMs = this.#runMs()
    const known = this.#peers.get(peer)
    if (known !== undefined && known.links === 0) known.heardMs = nowMs
    if (known === undefined && this.#peers.size < enrolledPeersMax)
      this.#peers.set(peer, { links: 0, heardMs: nowMs, enrolment: 0, enrolledMs: nowMs, addresses: [], pool: '', facts: {} })
  }

  /** The relay runs, and will say so again by then. Until it does, no time passes beyond that: it may be held up, and what was sent to it unread. */
  runsUntil(dueMs: number): void {
    this.#heldUpMs += Math.max(0, this.#clock.monotonicMs() - this.#dueMs)
    this.#dueMs = dueMs
  }

  /** The time in which the relay ran. */
  #runMs(): number {
    return Math.min(this.#clock.monotonicMs(), this.#dueMs) - this.#heldUpMs
  }

  /** A link of the peer has enrolled. Throws `busy` when too many peers are enrolled, `foreign-pool` when its other links are of another pool. */
  linkOpened(peer: string, { addresses, pool, facts = {} }: { addresses: readonly string[]; pool: string; facts?: Facts }): void {
    const known = this.#peers.get(peer)
    if (known === undefined && this.#peers.size >= enrolledPeersMax)
      throw new HeirloomError('busy', `${enrolledPeersMax} peers are enrolled here already`)
    const links = known?.links ?? 0
    if (links > 0 && known!.pool !== pool)
      throw new HeirloomError('foreign-pool', 'this peer is enrolled for another pool', { hint: 'give each pool an identity of its own' })
    if (links === 0) this.#linked++
    const nowMs = this.#runMs()
    this.#peers.set(peer, { links: links + 1, heardMs: nowMs, enrolment: ++this.#enrolments, enrolledMs: nowMs, addresses, pool, facts })
  }

  linkClosed(peer: string): void {
    const known = this.#peers.get(peer)
    if (known === undefined || known.links === 0) return
    known.links--
    if (known.links === 0) this.#linked--
    // A link that closes says that the peer was there until now, unless it was silent for so long that it had gone before.
    if (this.isPresent(peer)) known.heardMs = this.#runMs()
  }

  /** The peer has said something. */
  heard(peer: string): void {
    const known = this.#peers.get(peer)
    if (known !== undefined) known.heardMs = this.#runMs()
  }

  /** What it says of itself has changed. */
  described(peer: string, facts: Facts): void {
    const known = this.#peers.get(peer)
    if (known !== undefined) known.facts = facts
  }

  /** What a peer has said of itself; nothing of one that isn't known. */
  facts(peer: string): Facts {
    return this.#peers.get(peer)?.facts ?? {}
  }

  /** The peer enrolled again on a link that it has. */
  moved(peer: string, addresses: readonly string[], facts: Facts = {}): void {
    const known = this.#peers.get(peer)
    if (known !== undefined) Object.assign(known, { addresses, facts })
  }

  /** The pool that a linked peer has enrolled for. */
  poolOf(peer: string): string | undefined {
    const known = this.#peers.get(peer)
    return known !== undefined && known.links > 0 ? known.pool : undefined
  }

  /** Linked and heard lately: what is told to it now arrives. */
  isReachable(peer: string): boolean {
    return this.isLinked(peer) && this.isPresent(peer)
  }

  /** Those who are linked, each with its pool. */
  *linkedPeers(): Generator<[peer: string, pool: string]> {
    for (const [peer, { links, pool }] of this.#peers) if (links > 0) yield [peer, pool]
  }

  isLinked(peer: string): boolean {
    return (this.#peers.get(peer)?.links ?? 0) > 0
  }

  isPresent(peer: string): boolean {
    const known = this.#peers.get(peer)
    return known !== undefined && this.#runMs() - known.heardMs <= this.#leaseMs
  }

  /** The number of its latest link, 0 from before this relay has started. */
  enrolment(peer: string): number {
    return this.#peers.get(peer)?.enrolment ?? 0
  }

  /**
   * Present, and still what it was at that enrolment: a process that was started again has the lease, but not what the one before it was at.
   * After each enrolment it has one lease to show that it is the same.
   */
  isPresentSince(peer: string, enrolment: number): boolean {
    const known = this.#peers.get(peer)
    if (known === undefined || !this.isPresent(peer)) return false
    return known.enrolment === enrolment || this.#runMs() - known.enrolledMs <= this.#leaseMs
  }

  addresses(peer: string): readonly string[] {
    return this.#peers.get(peer)?.addresses ?? []
  }

  /** Forgets those who are long gone. */
  sweep(): void {
    for (const [peer, { links }] of this.#peers) if (links === 0 && !this.isPresent(peer)) this.#peers.delete(peer)
  }
}
