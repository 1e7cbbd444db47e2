// An heir's claim at all relays of its pool. Relays don't speak with one another: what one has given, the heir tells the others, again and again, so
// that of two heirs of one handoff the one whose claim stands lower learns it wherever both can be heard (PROTOCOL.md, "Several relays").

import type { Clock } from '../../src/clock.ts'
import { asHeirloomError } from '../../src/errors.ts'
import { reclaimEveryMs } from '../../src/limits/link.ts'
import { peerBytes } from '../../src/seal/identity.ts'
import type { Assignment, Heir, Response, Standing } from '../../src/wire/gen/control_pb.ts'
import type { RelayLink } from '../relay-link.ts'
import type { ClaimId } from './accepted.ts'

export interface ClaimsOptions {
  readonly assignment: Assignment
  /** The relay that it came from. */
  readonly relay: RelayLink
  /** All relays of the pool, that one among them. */
  readonly relays: readonly RelayLink[]
  readonly clock: Clock
}

export interface ClaimEvents {
  /**
   * This relay knows the handoff, and this heir of it: it may have packs, and more of them when that is news from the relay. Of packs below `since` it
   * says that they wait for a verdict.
   */
  onKnown(relay: RelayLink, known: { readonly isNews: boolean; readonly since: number }): void
  /** Somebody else is the heir. */
  onFenced(): void
}

export interface Finishing {
  /** Another may have it. */
  readonly released: boolean
  /** The claim that stands above this one. */
  readonly heir?: Heir
  /** Which of the relays that know it are told; all, unless told. */
  readonly at?: (relay: RelayLink) => boolean
}

export class Claims {
  readonly #options: ClaimsOptions
  readonly #assignedBy: Uint8Array
  readonly #known: Set<RelayLink>
  /** The claim that stands above this one, if a relay has told. */
  #above: Standing | undefined

  constructor(options: ClaimsOptions) {
    this.#options = options
    const { assignment, relay } = options
    this.#assignedBy = assignment.assignedBy.byteLength > 0 ? assignment.assignedBy : peerBytes(relay.id)
    this.#known = new Set([relay])
  }

  get id(): ClaimId {
    return { epoch: this.#options.assignment.epoch, assignedBy: Buffer.from(this.#assignedBy).toString('base64') }
  }

  /** The relays that have this heir's claim to the handoff. */
  get known(): Iterable<RelayLink> {
    return this.#known
  }

  /** Keeps the claim up until it is disposed. */
  follow(events: ClaimEvents): Disposable {
    const { relays, relay: first, clock, assignment } = this.#options
    const following = new DisposableStack()
    for (const relay of relays) {
      const claim = () => void this.#claim(relay, events, false)
      following.use(
        relay.listen({
          enrolled: claim,
          notification: ({ event }) => {
            if (event.case !== 'fenced' && event.case !== 'assigned') return
            if (Buffer.compare(event.value.handoff, assignment.handoff) !== 0) return
            if (event.case === 'assigned') void this.#claim(relay, events, true)
            else if (event.value.epoch >= assignment.epoch) events.onFenced()
          },
        }),
      )
      if (relay !== first && relay.address !== undefined) claim()
    }
    let cancel = () => {}
    const again = () => {
      for (const relay of relays) if (relay.address !== undefined) void this.#claim(relay, events, false)
      cancel = clock.after(reclaimEveryMs, again)
    }
    if (relays.length > 1) cancel = clock.after(reclaimEveryMs, again)
    following.defer(() => cancel())
    return following
  }

  async #claim(relay: RelayLink, { onKnown, onFenced }: ClaimEvents, isNews: boolean): Promise<void> {
    const { handoff, epoch } = this.#options.assignment
    const claim = { $typeName: 'heirloom.wire.v1.Claim', handoff, epoch, assignedBy: this.#assignedBy } as const
    try {
      const { result } = await relay.request({ case: 'claim', value: claim })
      this.#known.add(relay)
      onKnown(relay, { isNews, since: result.case === 'assignment' ? result.value.since : 0 })
    } catch (thrown) {
      const { code, cause } = asHeirloomError(thrown)
      if (code !== 'fenced') return
      const { result } = cause as Response
      if (result.case === 'standing') {
        this.#above = result.value
        this.#known.delete(relay)
      }
      onFenced()
    }
  }

  /** Another is the heir: relays that haven't heard of that are told, so that they don't give the same again. Those that said it know. */
  async yield(): Promise<void> {
    if (this.#above === undefined) return
    const { heir, finished } = this.#above
    await this.finish({ released: !finished, ...(heir && { heir }) })
  }

  /** Tells the relays that the handoff needn't be kept, or that another may have it. Answers whether all that know it have heard. */
  async finish({ released, heir, at = () => true }: Finishing): Promise<boolean> {
    const { handoff, epoch } = this.#options.assignment
    const finish = { $typeName: 'heirloom.wire.v1.Finish', handoff, epoch, released, ...(heir && { heir }) } as const
    const heard = await Promise.all(
      [...this.#known].filter(at).map(async (relay) => {
        try {
          await relay.request({ case: 'finish', value: finish })
          return true
        } catch (thrown) {
          const { code } = asHeirloomError(thrown)
          return code === 'fenced' || code === 'not-found'
        }
      }),
    )
    return heard.every(Boolean)
  }
}
