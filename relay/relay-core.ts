// What the relay's sessions share: pools, presence, rendezvous, stores, quotas, and the order in which things become durable and
// are told. Transport free: it is given channels.
//
// Invariant: of one handoff, nothing is told before what it rests on is durable, and everything is told in the order in which it happened.

import type { Clock } from '../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import type { DataEnd } from '../src/lane/data-end.ts'
import { controlLinksPerPeerMax } from '../src/limits/link.ts'
import { checkCertificate, poolOfCertificate, type CertificateInfo } from '../src/seal/certificate.ts'
import type { PoolPublic } from '../src/seal/pool-key.ts'
import type { ControlSession } from './control-session.ts'
import type { Facts } from '../src/wire/facts.ts'
import { Counts } from './counts.ts'
import { Expectations } from './expectations.ts'
import { emptyOutcome, type Note, type Outcome } from './outcome.ts'
import { Presence } from './presence.ts'
import { Quota, type QuotaLimits } from './quota.ts'
import { Rendezvous } from './rendezvous.ts'
import { keyText } from './store/handoff-key.ts'
import type { HandoffKey, PackStore, RecordStore } from './store/store.ts'
import { TransferDesk } from './transfer-desk.ts'

export interface RelayCoreOptions {
  /** The relay's own peer id. */
  readonly self: string
  readonly packs: PackStore
  readonly records: RecordStore
  readonly pools: readonly PoolPublic[]
  readonly quota: QuotaLimits
  readonly clock: Clock
  readonly leaseMs: number
  /** The longest a handoff may ask to be kept. */
  readonly keepMsMax: number
  /** Packs in memory at a time on their way in, and as many on their way out; relayRoomBytes unless told. */
  readonly roomBytes?: number | undefined
  /** Where data sockets are taken; without it packs take the stream. */
  readonly data?: DataEnd | undefined
  /** Something that the operator should know. */
  readonly onWarning: (warning: HeirloomError) => void
}

type Listener = (event: string, fields: Record<string, unknown>) => void

export class RelayCore {
  readonly self: string
  readonly packs: PackStore
  readonly quota: Quota
  readonly clock: Clock
  readonly leaseMs: number
  readonly keepMsMax: number
  readonly data: DataEnd | undefined
  readonly presence: Presence
  readonly rendezvous: Rendezvous
  readonly transfers: TransferDesk
  readonly counts = new Counts()
  readonly onWarning: (warning: HeirloomError) => void
  draining = false
  readonly #records: RecordStore
  readonly #pools: ReadonlyMap<string, PoolPublic>
  readonly #expectations: Expectations
  readonly #sessions = new Map<string, Set<ControlSession>>()
  readonly #listeners = new Set<Listener>()
  /** By handoff: settles when all that was asked of it so far is done. */
  readonly #tails = new Map<string, Promise<void>>()
  /** By handoff whose last save failed: what with. What only rests on it fails with the same. */
  readonly #unsaved = new Map<string, HeirloomError>()
  /** Packs that could not be removed. */
  readonly #leftBehind = new Map<string, HandoffKey>()

  constructor({ self, packs, records, pools, quota, clock, leaseMs, keepMsMax, roomBytes, data, onWarning }: RelayCoreOptions) {
    this.self = self
    this.packs = packs
    this.#records = records
    this.clock = clock
    this.transfers = new TransferDesk(clock, roomBytes)
    this.leaseMs = leaseMs
    this.keepMsMax = keepMsMax
    this.data = data
    this.onWarning = onWarning
    this.#pools = new Map(pools.map((pool) => [pool.idHex, pool]))
    this.quota = new Quota(quota, packs, records.list())
    this.presence = new Presence(clock, leaseMs)
    const hasPacks = (key: HandoffKey) => packs.have(key).size > 0
    this.rendezvous = new Rendezvous({ self, records: records.list(), presence: this.presence, hasPacks })
    this.#expectations = new Expectations(this.presence, this.rendezvous)
    // A crash between two removals leaves packs that belong to nobody.
    for (const { key } of packs.list()) if (this.rendezvous.find(key)?.finished ?? true) this.#leftBehind.set(keyText(key), key)
  }

  /** Checks a certificate of any of our pools. */
  checkMember(certificate: Uint8Array, peer: Uint8Array): CertificateInfo & { pool: PoolPublic } {
    const pool = this.#pools.get(poolOfCertificate(certificate))
    if (pool === undefined) {
      throw new HeirloomError('foreign-pool', 'this relay does not serve that pool', {
        hint: "give the relay the pool's .pub file with --pool",
      })
    }
    return { ...checkCertificate(certificate, { pool, peer, atMs: this.clock.nowMs() }), pool }
  }

  /** Throws `busy` or `foreign-pool`. A peer needs one link: of more than a few, the oldest is cut. */
  linked(peer: string, session: ControlSession, terms: { pool: string; addresses: readonly string[]; facts: Facts }): void {
    this.presence.linkOpened(peer, terms)
    this.#expectations.forget(peer)
    const sessions = this.#sessions.get(peer) ?? new Set()
    this.#sessions.set(peer, sessions.add(session))
    const [oldest] = sessions
    if (sessions.size > controlLinksPerPeerMax) oldest!.cut(new HeirloomError('busy', 'this peer has opened newer links'))
    this.emit('enrolled', { peer })
  }

  unlinked(peer: string, session: ControlSession): void {
    const sessions = this.#sessions.get(peer)
    if (sessions?.delete(session) !== true) return
    if (sessions.size === 0) {
      this.#sessions.delete(peer)
      this.#expectations.forget(peer)
    }
    this.presence.linkClosed(peer)
    this.emit('left', { peer })
  }

  /** Makes an outcome durable, then calls `then`, with what failed if it couldn't be, and tells its notes. */
  carryOut(outcome: Outcome, then?: (failure: HeirloomError | undefined) => void): void {
    const id = keyText(outcome.key)
    const before = this.#tails.get(id)
    if (before === undefined && isWord(outcome) && !this.#unsaved.has(id)) return this.#letOut(outcome, then)
    const tail = (before ?? Promise.resolve()).then(() => this.#perform(outcome, then))
    this.#tails.set(id, tail)
    void tail.then(() => {
      if (this.#tails.get(id) === tail) this.#tails.delete(id)
    })
  }

  /** Calls `then` when all that was asked of this handoff so far is durable. */
  inOrder(key: HandoffKey, then: () => void): void {
    this.carryOut(emptyOutcome(key), then)
  }

  async #perform(outcome: Outcome, then?: (failure: HeirloomError | undefined) => void): Promise<void> {
    const { key, save, forget, drop } = outcome
    const id = keyText(key)
    const unsaved = this.#unsaved.get(id)
    if (isWord(outcome) && unsaved !== undefined) return then?.(unsaved)
    try {
      if (save !== undefined) await this.#records.save(save)
      if (forget) await this.#records.delete(key)
      if (save !== undefined || forget) this.#unsaved.delete(id)
    } catch (thrown) {
      const failure = asHeirloomError(thrown, 'io')
      this.#unsaved.set(id, failure)
      this.rendezvous.saveFailed(key)
      this.counts.refused(failure.code)
      this.onWarning(failure)
      return then?.(failure)
    }
    this.#letOut(outcome, then)
    if (save !== undefined || drop) this.transfers.wake(key)
    if (drop) await this.#drop(key)
  }

  #letOut({ notes }: Outcome, then?: (failure: HeirloomError | undefined) => void): void {
    then?.(undefined)
    for (const note of notes) this.#tell(note)
  }

  async #drop(key: HandoffKey): Promise<void> {
    try {
      await this.packs.drop(key)
      this.quota.dropped(key)
      this.#leftBehind.delete(keyText(key))
      this.emit('dropped', { ...key })
    } catch (thrown) {
      this.#leftBehind.set(keyText(key), key)
      this.onWarning(asHeirloomError(thrown, 'io'))
    }
  }

  #tell(note: Note): void {
    const { pool, handoff } = (note.kind === 'assigned' ? note.assignment.record : note.record).key
    this.emit(note.kind, { pool, handoff, to: note.to })
    for (const session of this.#sessions.get(note.to) ?? []) session.notify(note)
  }

  /** Time has passed: leases, expiry, certificates, and what failed before. */
  tick(): void {
    const nowMs = this.clock.nowMs()
    for (const sessions of this.#sessions.values()) for (const session of sessions) session.checkExpiry(nowMs)
    for (const outcome of this.rendezvous.tick(nowMs)) this.carryOut(outcome)
    for (const key of this.#leftBehind.values()) this.carryOut({ ...emptyOutcome(key), drop: true })
    this.#leftBehind.clear()
    this.presence.sweep()
    for (const news of this.#expectations.news()) for (const session of this.#sessions.get(news.to) ?? []) session.expect(news)
    this.transfers.wakeAll()
  }

  emit(event: string, fields: Record<string, unknown>): void {
    const atMs = this.clock.nowMs()
    for (const listener of this.#listeners) listener(event, { ...fields, atMs })
  }

  listen(listener: Listener): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  closeSessions(): void {
    for (const sessions of this.#sessions.values()) for (const session of sessions) session.close()
  }

  /** Resolves when all that was asked so far is durable and told. */
  async settled(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values())
  }
}

/** Nothing is to be done but to tell. */
function isWord({ save, forget, drop }: Outcome): boolean {
  return save === undefined && !forget && !drop
}
