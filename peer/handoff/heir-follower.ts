// Who the heir of this handoff is, and the lane to it. The relay tells who holds the claim; the highest epoch is the heir, and what only a
// former heir has counts as lost.

import type { Clock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import { directGraceMs, laterLanesMs } from '../../src/limits/lane.ts'
import { circuitAfterMs } from '../../src/limits/link.ts'
import { checkCertificate } from '../../src/seal/certificate.ts'
import { peerBytes, peerIdText } from '../../src/seal/identity.ts'
import { circuitAddress } from '../../src/net/circuit-address.ts'
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
  /** The relay through which circuits go; undefined while there is no link to it. */
  readonly relayAddress: () => string | undefined
  /** Keeps a lane to the heir up until the signal ends. */
  readonly keep: (target: () => LaneTarget, signal: AbortSignal) => void
  /** What only the heir had is lost. */
  readonly onLost: () => void
  readonly onChange: () => void
}

export class HeirFollower implements Disposable {
  readonly #options: HeirFollowerOptions
  #heir: Heir | undefined
  /** With the relay that gave it. */
  #claim: Heir | undefined
  /** The highest epoch that was heard of. */
  epoch = 0
  /** A lane to the present heir, or an earlier one, was up. */
  wasLinked = false
  #linking: AbortController | undefined
  #graceEndsMs = 0
  #cancelGrace: (() => void) | undefined
  #cancelRest: (() => void) | undefined
  #cancelCircuit: (() => void) | undefined
  #openCircuit: () => void = () => {}
  /** Kinds of lanes that can't be had just now. */
  readonly #failed = new Set<LaneKind>()
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

  /** A lane of this kind can't be had, or has broken. When none of the surest is left the heir can't be reached, and nothing is to wait for it. */
  unreachable(kind: LaneKind): void {
    const { links } = this.#options
    if (kind !== 'store') this.#openLater()
    if (kind === surestOf(links)) this.#openCircuit()
    this.#failed.add(kind)
    if (links.filter((link) => link === surestOf(links) || link === 'circuit').every((link) => this.#failed.has(link)))
      this.#graceEndsMs = 0
  }

  /** A lane to the heir is up. The others are opened a little later: the first pack shouldn't wait for lanes that only the later ones need. */
  linked(kind: LaneKind): void {
    this.wasLinked = true
    this.#failed.delete(kind)
    if (kind !== 'circuit') this.#cancelCircuit?.()
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

  /** What a relay says: the heir, or that nobody holds the claim. */
  set(heir: Heir | undefined, relay: string): void {
    if (heir !== undefined) this.#noteClaim(heir, relay)
    this.#set(heir)
  }

  /** The highest claim that was heard of, for a relay that may not have heard of it; undefined for one that gave it. */
  claimFor(relay: string): Heir | undefined {
    return this.#claim === undefined || peerIdText(this.#claim.assignedBy) === relay ? undefined : this.#claim
  }

  #noteClaim(heir: Heir, relay: string): void {
    if (this.#claim !== undefined && heir.epoch < this.#claim.epoch) return
    this.#claim = { ...heir, addresses: [], assignedBy: heir.assignedBy.byteLength > 0 ? heir.assignedBy : peerBytes(relay) }
  }

  #set(heir: Heir | undefined): void {
    const { events, clock, links, keep, onLost, onChange, handoffHex } = this.#options
    if (heir === undefined) {
      if (this.#heir === undefined) return
      this.#drop('the heir is gone')
      onLost()
      return onChange()
    }
    // Of two heirs of one epoch, which two relays gave, the relay that is asked now says which one it is.
    const isAnother = this.#heir !== undefined && Buffer.compare(heir.peer, this.#heir.peer) !== 0
    if (heir.epoch < this.epoch || (heir.epoch === this.epoch && this.#heir !== undefined && !isAnother)) return
    if ((heir.epoch > this.epoch && this.epoch > 0) || isAnother) onLost()
    this.#drop('there is a newer heir')
    this.#heir = heir
    this.epoch = heir.epoch
    events.emit('claim', { handoff: handoffHex, epoch: heir.epoch, heir: peerIdText(heir.peer) })
    if (links.includes('circuit') || (links.length > 0 && heir.addresses.length > 0)) {
      this.#graceEndsMs = clock.monotonicMs() + directGraceMs
      this.#cancelGrace?.()
      this.#cancelGrace = clock.after(directGraceMs, onChange)
      this.#linking = new AbortController()
      const { signal } = this.#linking
      const direct = heir.addresses.length > 0 ? links.filter((kind) => kind !== 'circuit') : []
      const [soon, ...later] = direct.toSorted((a, b) => Number(b === surestOf(links)) - Number(a === surestOf(links)))
      if (soon !== undefined) keep(() => this.#target(heir, soon), signal)
      this.#openRest = () => later.forEach((kind) => keep(() => this.#target(heir, kind), signal))
      if (links.includes('circuit')) {
        this.#openCircuit = () => {
          this.#openCircuit = () => {}
          this.#cancelCircuit?.()
          keep(() => this.#target(heir, 'circuit'), signal)
        }
        if (soon === undefined) this.#openCircuit()
        else this.#cancelCircuit = clock.after(circuitAfterMs, () => this.#openCircuit())
      }
    }
    onChange()
  }

  #target({ addresses, epoch, peer }: Heir, kind: LaneKind): LaneTarget {
    const { membership, clock, relayAddress } = this.#options
    return {
      kind,
      bySocket: kind === 'fast',
      addresses: kind === 'circuit' ? circuitsTo(peer, relayAddress()) : addresses,
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
    this.#cancelCircuit?.()
    this.#openCircuit = () => {}
    this.#failed.clear()
    this.#linking?.abort(new HeirloomError('link-lost', why))
  }

  [Symbol.dispose](): void {
    this.#cancelGrace?.()
    this.#cancelRest?.()
    this.#cancelCircuit?.()
    this.#linking?.abort(new HeirloomError('aborted', 'the handoff is over'))
  }
}

/** The direct lane that works wherever the heir can be dialled at all. */
function surestOf(links: readonly LaneKind[]): LaneKind | undefined {
  return links.includes('stream') ? 'stream' : links.find((kind) => kind !== 'circuit')
}

function circuitsTo(peer: Uint8Array, relayAddress: string | undefined): string[] {
  return relayAddress === undefined ? [] : [circuitAddress(relayAddress, peerIdText(peer))]
}
