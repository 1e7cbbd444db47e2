// The handoffs that a relay knows: by pool, then by id, in the order in which they were offered.

import type { HandoffKey, HandoffRecord } from './store/store.ts'

export class HandoffTable<Each extends { readonly record: HandoffRecord }> {
  readonly #pools = new Map<string, Map<string, Each>>()

  find({ pool, handoff }: HandoffKey): Each | undefined {
    return this.#pools.get(pool)?.get(handoff)
  }

  inPool(pool: string): Iterable<Each> {
    return this.#pools.get(pool)?.values() ?? []
  }

  *pools(): Generator<Iterable<Each>> {
    for (const ofPool of this.#pools.values()) yield ofPool.values()
  }

  all(): Each[] {
    return [...this.pools()].flatMap((ofPool) => [...ofPool])
  }

  add(handoff: Each): void {
    const { pool, handoff: id } = handoff.record.key
    const ofPool = this.#pools.get(pool) ?? new Map<string, Each>()
    this.#pools.set(pool, ofPool.set(id, handoff))
  }

  delete({ pool, handoff }: HandoffKey): void {
    const ofPool = this.#pools.get(pool)
    ofPool?.delete(handoff)
    if (ofPool?.size === 0) this.#pools.delete(pool)
  }
}
