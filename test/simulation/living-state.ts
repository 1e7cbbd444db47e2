// A state that changes while it is sent ahead: chunks get new versions, go, and come back, until the notice.

import type { SeededRandom } from '../helpers/seed.ts'

interface Change {
  readonly atMs: number
  /** Undefined: the chunk is gone. */
  readonly version: number | undefined
}

export class LivingState {
  readonly #nowMs: () => number
  /** By chunk, oldest first. */
  readonly #changes = new Map<string, Change[]>()
  /** Since when nothing changes any more. */
  frozenMs: number | undefined

  constructor(ids: readonly string[], nowMs: () => number) {
    this.#nowMs = nowMs
    for (const id of ids) this.#changes.set(id, [{ atMs: -Infinity, version: 1 }])
  }

  /** The version that there is now; undefined when there is none. */
  version(id: string): number | undefined {
    return this.#changes.get(id)!.at(-1)!.version
  }

  /** Some chunk becomes another, goes, or is there again. */
  change(random: SeededRandom): void {
    if (this.frozenMs !== undefined || this.#changes.size === 0) return
    const changes = [...this.#changes.values()][random.integer(0, this.#changes.size - 1)]!
    const isGoing = changes.at(-1)!.version !== undefined && random.next() < 0.3
    changes.push({ atMs: this.#nowMs(), version: isGoing ? undefined : changes.length + 1 })
  }

  freeze(): void {
    this.frozenMs ??= this.#nowMs()
  }

  /** Whether a chunk had this version at any moment from then on. */
  had(id: string, version: number, sinceMs: number): boolean {
    const changes = this.#changes.get(id) ?? []
    return changes.some((change, at) => change.version === version && (changes[at + 1]?.atMs ?? Infinity) >= sinceMs)
  }
}
