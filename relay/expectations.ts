// Who would be whose heir: told ahead, so that a peer can dial its heir before it needs it. A hint that promises nothing.
//
// Invariant: of one successor at most `expectingPeersMax` peers are told.

import { expectingPeersMax } from '../src/limits/relay.ts'
import type { Expectation } from './outcome.ts'
import type { Presence } from './presence.ts'
import type { Rendezvous } from './rendezvous.ts'

export class Expectations {
  readonly #presence: Presence
  readonly #rendezvous: Rendezvous
  /** By peer: the heir that it was told of last. */
  readonly #told = new Map<string, string>()

  constructor(presence: Presence, rendezvous: Rendezvous) {
    this.#presence = presence
    this.#rendezvous = rendezvous
  }

  /** The peer's link is new, or gone: what it was told is not known there. */
  forget(peer: string): void {
    this.#told.delete(peer)
  }

  /** What has changed since the last call, for those whom it concerns. */
  news(): Expectation[] {
    const heirOf = this.#heirs()
    const expecting = new Map<string, number>()
    // Whoever knows the right heir already stays among those who are told of it.
    for (const [peer, heir] of this.#told) if (heirOf(peer) === heir) expecting.set(heir, (expecting.get(heir) ?? 0) + 1)
    const news: Expectation[] = []
    for (const [peer] of this.#presence.linkedPeers()) {
      const heir = heirOf(peer)
      const before = this.#told.get(peer)
      if (heir === before) continue
      const among = heir === undefined ? 0 : (expecting.get(heir) ?? 0)
      if (heir !== undefined && among < expectingPeersMax) {
        expecting.set(heir, among + 1)
        this.#told.set(peer, heir)
        news.push({ to: peer, heir: { peer: heir, addresses: this.#presence.addresses(heir) } })
      } else if (before !== undefined) {
        this.#told.delete(peer)
        news.push({ to: peer, heir: undefined })
      }
    }
    return news
  }

  /** The fittest of those who wait in a peer's pool that isn't the peer itself. */
  #heirs(): (peer: string) => string | undefined {
    const firstTwo = new Map<string, string[]>()
    return (peer) => {
      const pool = this.#presence.poolOf(peer)
      if (pool === undefined) return undefined
      const { zone, network, prefers } = this.#presence.facts(peer)
      const wish = { zone, network, prefers }
      const like = JSON.stringify([pool, wish])
      let known = firstTwo.get(like)
      if (known === undefined) {
        known = this.#rendezvous.waitingIn(pool, wish).slice(0, 2)
        firstTwo.set(like, known)
      }
      return known.find((heir) => heir !== peer)
    }
  }
}
