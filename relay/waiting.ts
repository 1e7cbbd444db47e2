// The successors that wait at a relay, in the order in which they began to, each with its pool.

import { rankedSuccessorsMax } from '../src/limits/relay.ts'
import { rankSuccessors, type Candidate, type Wish } from '../src/plan/rank-successors.ts'
import type { Presence } from './presence.ts'

export class Waiting {
  readonly #presence: Presence
  readonly #pools = new Map<string, string>()

  constructor(presence: Presence) {
    this.#presence = presence
  }

  get size(): number {
    return this.#pools.size
  }

  /** Who waits already keeps its place. */
  add(peer: string, pool: string): void {
    if (!this.#pools.has(peer)) this.#pools.set(peer, pool)
  }

  delete(peer: string): void {
    this.#pools.delete(peer)
  }

  /** Those of a pool that can be reached, the fittest for a wish first, and among equals whoever has waited longest. */
  fittest(pool: string, wish: Wish, suits: (peer: string) => boolean = () => true): string[] {
    const candidates: Candidate[] = []
    for (const [peer, ofPool] of this.#pools) {
      if (candidates.length === rankedSuccessorsMax) break
      if (ofPool === pool && this.#presence.isReachable(peer) && suits(peer)) candidates.push({ id: peer, ...this.#presence.facts(peer) })
    }
    return rankSuccessors(candidates, wish).map(({ id }) => id)
  }

  /** Forgets those whose lease has ended. */
  sweep(): void {
    for (const peer of this.#pools.keys()) if (!this.#presence.isLinked(peer) && !this.#presence.isPresent(peer)) this.#pools.delete(peer)
  }
}
