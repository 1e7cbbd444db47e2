// A key-value server as a sink: what all of them have in common. Chunks that came in parts are gathered; records whose time is over are dropped; what the server
// says to each of the rest decides what became of its chunk.
//
// Invariant: a server that is away, full or refuses us costs its own state only. So this sink refuses chunks and throws for nothing but the
// signal and the disk of its own staging.

import { asHeirloomError, HeirloomError } from '../../../src/errors.ts'
import { serverStartMs } from '../../../src/limits/keyed.ts'
import { systemClock, type Clock } from '../../../src/clock.ts'
import type { IncomingFragment, RecalledFragment, Refused, RestoreOutcome, Sink, SinkEnd, WaitOptions } from '../source.ts'
import { GatheredChunks } from './gathered-chunks.ts'
import { databaseOf, escapeKey } from './key-id.ts'
import { Records } from './records.ts'

/** The records of one chunk that are to be restored, by their index. */
export interface RecordBatch {
  readonly records: Records
  readonly values: Uint8Array
  readonly wanted: readonly number[]
}

/** `kept`: the server had the key already. Else why it was refused. */
export type RecordFate = 'restored' | 'kept' | { readonly refused: string }

/** One kind of server. */
export interface RecordStore extends AsyncDisposable {
  /**
   * Restores records of one database in their order; answers one fate for each. A server that isn't there is waited for so long. Throws when the server
   * can't be used, or the signal's reason.
   */
  restore(database: number, batches: readonly RecordBatch[], options: WaitOptions & { readonly patienceMs: number }): Promise<RecordFate[]>
}

export interface KeyedSinkOptions {
  readonly name: string
  readonly kind: string
  readonly store: RecordStore
  /** A folder of this sink's own. */
  readonly staging: string
  /** How long a server that isn't there yet is waited for. */
  readonly patienceMs?: number | undefined
  readonly clock?: Clock | undefined
}

interface Whole extends RecordBatch {
  readonly fragment: IncomingFragment
  readonly database: number
}

export class KeyedSink implements Sink {
  readonly name: string
  readonly kind: string
  readonly returnsMemory = true
  readonly #store: RecordStore
  readonly #gathered: GatheredChunks
  readonly #clock: Clock
  #patienceMs: number
  #kept = 0

  constructor({ name, kind, store, staging, patienceMs = serverStartMs, clock = systemClock }: KeyedSinkOptions) {
    this.name = name
    this.kind = kind
    this.#store = store
    this.#gathered = new GatheredChunks(staging)
    this.#patienceMs = patienceMs
    this.#clock = clock
  }

  async restore(fragments: readonly IncomingFragment[], { signal }: WaitOptions): Promise<RestoreOutcome> {
    const refused: Refused[] = []
    const unfinished: number[] = []
    const whole: Whole[] = []
    for (const [index, fragment] of fragments.entries()) {
      const taken = await this.#take(fragment)
      if (taken === 'unfinished') unfinished.push(index)
      else if ('reason' in taken) refused.push(taken)
      else whole.push(taken)
    }
    for (const [database, ofDatabase] of Map.groupBy(whole, (each) => each.database)) {
      await this.#restoreWhole(database, ofDatabase, refused, signal)
      for (const { fragment } of ofDatabase) this.#gathered.done(fragment)
    }
    return { unfinished, refused }
  }

  async recall(fragments: readonly RecalledFragment[]): Promise<void> {
    this.#gathered.recall(fragments)
  }

  async finish(_end: SinkEnd): Promise<{ notes?: readonly string[] }> {
    this.#gathered.drop()
    return this.#kept === 0 ? {} : { notes: [`${this.#kept} keys were there already and stay as they were`] }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gathered.close()
    await this.#store[Symbol.asyncDispose]()
  }

  /** The chunk with its records, if it is complete with this fragment. */
  async #take(fragment: IncomingFragment): Promise<Whole | Refused | 'unfinished'> {
    const { id, offset, bytes, chunkBytes, attributes } = fragment
    const database = databaseOf(id)
    if (database === undefined) return { id, reason: 'its id is none of this kind of source' }
    try {
      // Before anything is kept of it: what is no record here will be none when it is whole.
      const records = new Records(attributes, chunkBytes)
      if (offset + bytes.byteLength > chunkBytes) return { id, reason: 'a part that lies outside of its chunk' }
      const values = await this.#gathered.add(fragment)
      return values === undefined ? 'unfinished' : { fragment, database, records, values, wanted: this.#live(records) }
    } catch (thrown) {
      if (!(thrown instanceof HeirloomError)) throw asHeirloomError(thrown, 'io')
      return { id, reason: thrown.message }
    }
  }

  /** Restores the records of these chunks, but those whose time is over; adds what was refused of them. */
  async #restoreWhole(database: number, whole: readonly Whole[], refused: Refused[], signal: AbortSignal): Promise<void> {
    let fates: RecordFate[]
    try {
      fates = await this.#store.restore(database, whole, { signal, patienceMs: this.#patienceMs })
    } catch (thrown) {
      signal.throwIfAborted()
      // Whoever didn't come in all that time isn't waited for again.
      this.#patienceMs = 0
      const { message, hint } = asHeirloomError(thrown)
      const reason = hint === undefined ? message : `${message} (${hint})`
      for (const { fragment } of whole) refused.push({ id: fragment.id, reason })
      return
    }
    let at = 0
    for (const { records, wanted, fragment } of whole) {
      for (const index of wanted) {
        const fate = fates[at++]!
        if (fate === 'kept') this.#kept++
        else if (fate !== 'restored') {
          const id = `${database}/${escapeKey(records.key(index))}`
          refused.push({ id, reason: fate.refused, chunk: fragment.id })
        }
      }
    }
  }

  /** Those whose time is not over. */
  #live(records: Records): number[] {
    const nowMs = this.#clock.nowMs()
    const live: number[] = []
    for (let index = 0; index < records.count; index++) {
      const expiresAtMs = records.expiresAtMs(index)
      if (expiresAtMs === 0 || expiresAtMs > nowMs) live.push(index)
    }
    return live
  }
}
