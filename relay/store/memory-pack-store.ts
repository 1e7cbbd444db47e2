// A pack store in memory, for tests and the simulator: the port's contract without outliving the process. A put resolves in a later
// turn, as on a disk, so that callers can't come to rely on less.

import { HeirloomError } from '../../src/errors.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { keyText } from './handoff-key.ts'
import { assertPackBounds } from './pack-bounds.ts'
import type { HandoffKey, PackStore, PutOptions, StoredHandoff } from './store.ts'

interface Held {
  readonly key: HandoffKey
  readonly packs: Map<number, Uint8Array>
  readonly have: PackSet
  bytes: number
  isDropped: boolean
}

export function createMemoryPackStore(): PackStore {
  return new MemoryPackStore()
}

class MemoryPackStore implements PackStore {
  #isClosed = false
  readonly #handoffs = new Map<string, Held>()

  have(key: HandoffKey): PackSet {
    return this.#handoffs.get(keyText(key))?.have ?? new PackSet()
  }

  bytes(key?: HandoffKey): number {
    if (key !== undefined) return this.#handoffs.get(keyText(key))?.bytes ?? 0
    return this.#handoffs.values().reduce((sum, { bytes }) => sum + bytes, 0)
  }

  *list(): IterableIterator<StoredHandoff> {
    for (const { key, bytes, have } of this.#handoffs.values()) {
      if (have.size > 0) yield { key, bytes, packs: have.size }
    }
  }

  async put(key: HandoffKey, number: number, sealed: readonly Uint8Array[], { onWritten }: PutOptions = {}): Promise<void> {
    this.#assertOpen()
    assertPackBounds(number, sealed)
    const held = this.#held(key)
    const pack = new Uint8Array(Buffer.concat(sealed))
    onWritten?.()
    await Promise.resolve()
    if (held.isDropped) throw new HeirloomError('not-found', 'the handoff was dropped')
    if (held.packs.has(number)) return
    held.packs.set(number, pack)
    held.have.add(number)
    held.bytes += pack.length
  }

  async get(key: HandoffKey, number: number): Promise<Uint8Array | undefined> {
    this.#assertOpen()
    return this.#handoffs.get(keyText(key))?.packs.get(number)?.slice()
  }

  async drop(key: HandoffKey): Promise<void> {
    this.#assertOpen()
    const held = this.#handoffs.get(keyText(key))
    if (held === undefined) return
    held.isDropped = true
    for (const number of held.have) held.have.delete(number)
    this.#handoffs.delete(keyText(key))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
  }

  #held(key: HandoffKey): Held {
    const id = keyText(key)
    let held = this.#handoffs.get(id)
    if (held === undefined) {
      held = { key: { pool: key.pool, handoff: key.handoff }, packs: new Map(), have: new PackSet(), bytes: 0, isDropped: false }
      this.#handoffs.set(id, held)
    }
    return held
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new HeirloomError('draining', 'the store is closed')
  }
}
