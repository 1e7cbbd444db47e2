// Who the heir of this handoff is, and the lane to it. The relay tells who holds the claim; the highest epoch is the heir, and what only a
// former heir has counts as lost.

import type { Clock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import { directGraceMs, laterLanesMs } from '../../src/limits/lane.ts'
import { checkCertificate } from '../../src/seal/certificate.ts'
import { peerIdText } from '../../src/seal/identity.ts'
import type { Heir } from '../../src/wire/gen/control_pb.ts'
import type { EventLog } from '../events.ts'
import type { Membership } from '../membership.ts'
import type { LaneTarget } from './lanes.ts'

export interface HeirFollowerOptions {
  readonly handoffHex: string
  readonly membership: Membership
  readonly clock: Clock
  readonly events: EventLog
  /** The lanes to the heir that may be used. */
  readonly links: readonly LaneKind[]
  /** Keeps a lane to the heir up until the signal ends. */
  readonly keep: (target: LaneTarget, signal: AbortSignal) => void
  /** What only the heir had is lost. */
  readonly onLost: () => void
  readonly onChange: () => void
}

export class HeirFollower implements Disposable {
  readonly #options: HeirFollowerOptions
  #heir: Heir | undefined
  /** The highest epoch that was heard of. */
  epoch = 0
  /** A lane to the present heir, or an earlier one, was up. */
  wasLinked = false
  #linking: AbortController | undefined
  #graceEndsMs = 0
  #cancelGrace: (() => void) | undefined
  #cancelRest: (() => void) | undefined
  /** The present heir has something for good. */
  isServed = false
  #openRest: () => void = () => {}

  constructor(options: HeirFollowerOptions) {
    this.#options = options
  }

  /** Somebody holds the claim. */
  get exists(): boolean {
    return this.#heir !== undefined
  }

  /** A heir that was just told of gets a moment to be reached before packs go to the store. */
  get isInGrace(): boolean {
    return this.#heir !== undefined && this.#options.clock.monotonicMs() < this.#graceEndsMs
  }

  /** A lane of this kind can't be had, or has broken. The heir can't be reached then, and nothing is to wait for it, unless there is a surer lane than that. */
  unreachable(kind: LaneKind): void {
    const { links } = this.#options
    if (kind !== 'store') this.#openLater()
    if (kind === (links.includes('stream') ? 'stream' : links[0])) this.#graceEndsMs = 0
  }

  /** A lane to the heir is up. The others are opened a little later: the first pack shouldn't wait for lanes that only the later ones need. */
  linked(): void {
    this.wasLinked = true
    this.#cancelRest ??= this.#options.clock.after(laterLanesMs, () => this.#openLater())
  }

  /** The heir has acknowledged packs. */
  served(): void {
    if (this.isServed) return
    this.isServed = true
    this.#openLater()
  }

  #openLater(): void {
    this.#cancelRest?.()
    const openRest = this.#openRest
    this.#openRest = () => {}
    openRest()
  }

  /** What the relay says: the heir, or that nobody holds the claim. */
  set(heir: Heir | undefined): void {
    const { events, clock, links, keep, onLost, onChange, handoffHex } = this.#options
    if (heir === undefined) {
      if (this.#heir === undefined) return
      this.#drop('the heir is gone')
      onLost()
      return onChange()
    }
    if (heir.epoch < this.epoch || (heir.epoch === this.epoch && this.#heir !== undefined)) return
    if (heir.epoch > this.epoch && this.epoch > 0) onLost()
    this.#drop('there is a newer heir')
    this.#heir = heir
    this.epoch = heir.epoch
    events.emit('claim', { handoff: handoffHex, epoch: heir.epoch, heir: peerIdText(heir.peer) })
    if (links.length > 0 && heir.addresses.length > 0) {
      this.#graceEndsMs = clock.monotonicMs() + directGraceMs
      this.#cancelGrace?.()
      this.#cancelGrace = clock.after(directGraceMs, onChange)
      this.#linking = new AbortController()
      const soon = links.filter((kind) => kind === 'stream' || !links.includes('stream'))
      const later = links.filter((kind) => !soon.includes(kind))
      const { signal } = this.#linking
      for (const kind of soon) keep(this.#target(heir, kind), signal)
      this.#openRest = () => later.forEach((kind) => keep(this.#target(heir, kind), signal))
    }
    onChange()
  }

  #target({ addresses, epoch, peer }: Heir, kind: LaneKind): LaneTarget {
    const { membership, clock } = this.#options
    return {
      kind,
      bySocket: kind === 'fast',
      addresses,
      epoch,
      checkWelcome: ({ certificate }) =>
        void checkCertificate(certificate, { pool: membership.pool, peer, atMs: clock.nowMs(), needs: 'receive' }),
    }
  }

  #drop(why: string): void {
    this.#heir = undefined
    this.isServed = false
    this.#cancelRest?.()
    this.#cancelRest = undefined
    this.#openRest = () => {}
    this.#linking?.abort(new HeirloomError('link-lost', why))
  }

  [Symbol.dispose](): void {
    this.#cancelGrace?.()
    this.#cancelRest?.()
    this.#linking?.abort(new HeirloomError('aborted', 'the handoff is over'))
  }
}
