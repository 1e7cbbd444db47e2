// A key-value server as a source: what all of them have in common. Before any notice a census goes round at a bounded cost, so that at the notice the
// hottest keys go at once; then the keys are listed once more, for those that came since.

import { setImmediate } from 'node:timers/promises'
import { systemClock, type Clock } from '../../../src/clock.ts'
import { Deadline } from '../../../src/deadline.ts'
import { asHeirloomError } from '../../../src/errors.ts'
import type { Chunk, ChunkPart, LeftOut } from '../../../src/chunk/chunk.ts'
import {
  censusPauseMs,
  censusShare,
  groupsAskedMax,
  keyedValueBytes,
  keysAloneMax,
  keysStretchMax,
  knownFirstShare,
  serverPatienceMs,
  signOfLifeMs,
} from '../../../src/limits/keyed.ts'
import { packBytesTarget } from '../../../src/limits/wire.ts'
import type { Order } from '../../../src/plan/manifest.ts'
import { formatSize } from '../../../src/units.ts'
import type { InventoryQuery, ReadOptions, Source, WaitOptions } from '../source.ts'
import { KeyGroups, type KeyGroup } from './key-groups.ts'
import { learnParts, type KeyDivision } from './key-parts.ts'
import type { KeyTable } from './key-table.ts'
import { PartBatch } from './part-batch.ts'
import { partsOf } from './parts.ts'
import { isPassing, type PatientOptions } from './patient-links.ts'
import { readAhead } from './read-ahead.ts'
import type { RecordsWriter } from './records.ts'
import { Upkeep } from './upkeep.ts'

export interface RoundOptions extends WaitOptions {
  /** The share of the time that it may take; 1: as fast as the server answers. */
  readonly share: number
  /** Keys that are known already aren't asked for. */
  readonly onlyNew: boolean
}

/** What is known of the keys of one database. */
export interface KeyCensus {
  readonly table: KeyTable
  /** All keys were listed at least once. */
  readonly isComplete: boolean
  /** Keys that are too many, or whose names are too long. */
  readonly ignored: number
  /** Lists all keys once; yields the rows whose hotness and size came to be known. Throws what the server or the connection says. */
  round(options: RoundOptions): AsyncIterable<readonly number[]>
}

/** One kind of server. */
export interface KeyedStore extends Disposable {
  /** Asks the server which databases there are. Throws when it can't be used. */
  look(options: WaitOptions): Promise<readonly number[]>
  census(database: number): KeyCensus
  /** How likely a key of this score is to be read soon, up to a factor. */
  weight(score: number, nowMs: number): number
  /** Reads these keys; undefined when all are gone, else without those that are. Throws what the server or the connection says. */
  read(group: KeyGroup, options: PatientOptions): Promise<RecordsWriter | undefined>
}

export interface KeyedSourceOptions {
  readonly name: string
  readonly order?: Order | undefined
  /** Larger keys are left out. */
  readonly maxKeyBytes?: number | undefined
  /** No more keys than this are chunks of their own each. */
  readonly aloneMax?: number | undefined
  readonly onWarning?: ((message: string) => void) | undefined
  readonly clock?: Clock | undefined
  /** How the state is going to be divided, if that is known before the notice and doesn't change. */
  readonly division?: KeyDivision | undefined
}

export class KeyedSource implements Source {
  readonly name: string
  readonly kind: string
  readonly #options: KeyedSourceOptions
  readonly #store: KeyedStore
  readonly #clock: Clock
  readonly #upkeep: Upkeep
  #groups: KeyGroups

  constructor(kind: string, store: KeyedStore, options: KeyedSourceOptions) {
    this.name = options.name
    this.kind = kind
    this.#store = store
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#groups = new KeyGroups(options)
    this.#upkeep = new Upkeep(this.#clock, censusPauseMs, (signal) => this.#goRound(signal))
  }

  /** Goes round once; from then on every censusPauseMs, until the inventory is asked for. */
  async warm({ signal }: WaitOptions): Promise<void> {
    await this.#upkeep.begin(signal)
  }

  async *inventory({ deadlineMs, parts, partOf }: InventoryQuery, { signal }: WaitOptions): AsyncGenerator<Chunk[]> {
    const division = parts && partOf && { parts, partOf }
    await this.#upkeep.stop()
    const knownFirst = Deadline.after(this.#clock, knownFirstShare * deadlineMs)
    const databases = await this.#store.look({ signal })
    const groups = (this.#groups = new KeyGroups(this.#options))
    let known = 0
    for (const database of databases) {
      const { table, isComplete } = this.#store.census(database)
      if (!isComplete) continue
      known += table.rows
      const rows = new Uint32Array(table.rows)
      for (let row = 0; row < rows.length; row++) rows[row] = row
      for (const batch of groups.group({ database, table, rows, weightOf: this.#weights(table), division })) {
        yield batch
        // The hottest are read and sent while the rest is put into groups.
        await setImmediate()
      }
    }
    // Asking the server for all names now would only hold up what is known to be hot; a few are told in no time.
    if (known > keysAloneMax) yield* this.#whileRead(groups, knownFirst, signal)
    for (const database of databases) yield* this.#listNew(database, division, signal)
  }

  async *read(chunks: readonly Chunk[], { signal, readers = 1 }: ReadOptions): AsyncGenerator<(ChunkPart | LeftOut)[]> {
    const askedMax = Math.max(1, Math.floor(groupsAskedMax / readers))
    const ask = (chunk: Chunk) => this.#readOne(chunk, signal)
    const bytesOf = ({ bytes = 0 }: Chunk) => bytes
    const asked = readAhead({ items: chunks, ask, askedMax, bytesMax: packBytesTarget, bytesOf })
    const batch = new PartBatch()
    try {
      for await (const { item, answer } of asked) {
        this.#groups.wasRead(item.id)
        if ('leftOut' in answer) batch.add(answer)
        else for (const part of partsOf(item, answer, packBytesTarget)) batch.add(part)
        if (batch.isFull) yield batch.take()
      }
    } catch (thrown) {
      // What has been read goes.
      if (!batch.isEmpty) yield batch.take()
      throw thrown
    }
    if (!batch.isEmpty) yield batch.take()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#store[Symbol.dispose]()
    await this.#upkeep.stop()
  }

  async #goRound(signal: AbortSignal): Promise<void> {
    const { division } = this.#options
    for (const database of await this.#store.look({ signal })) {
      const census = this.#store.census(database)
      const round = census.round({ signal, share: censusShare, onlyNew: false })
      for await (const rows of round) if (division !== undefined) learnParts(census.table, rows, division)
    }
  }

  /** Waits as long as what was told is being read. */
  async *#whileRead(groups: KeyGroups, until: Deadline, signal: AbortSignal): AsyncGenerator<Chunk[]> {
    for (let before = Infinity; groups.unread > 0 && groups.unread < before && !until.passed;) {
      before = groups.unread
      await groups.allRead(until.slice(signOfLifeMs), signal)
      yield []
    }
  }

  /** Keys that the census has not seen, a stretch at a time, so that the first are told before all are known. */
  async *#listNew(database: number, division: KeyDivision | undefined, signal: AbortSignal): AsyncGenerator<Chunk[]> {
    const census = this.#store.census(database)
    const { table } = census
    const weightOf = this.#weights(table)
    let stretch: number[] = []
    for await (const rows of census.round({ signal, share: 1, onlyNew: census.isComplete })) {
      for (const row of rows) stretch.push(row)
      if (stretch.length < keysStretchMax) {
        yield []
        continue
      }
      yield* this.#groups.group({ database, table, rows: Uint32Array.from(stretch), weightOf, division })
      stretch = []
    }
    yield* this.#groups.group({ database, table, rows: Uint32Array.from(stretch), weightOf, division })
    if (census.ignored > 0)
      this.#options.onWarning?.(
        `${this.name}: ${census.ignored} keys of database ${database} are left out: too many, or with too long names`,
      )
  }

  #weights(table: KeyTable): (row: number) => number {
    const nowMs = this.#clock.nowMs()
    return (row) => this.#store.weight(table.scores[row]!, nowMs)
  }

  async #readOne(chunk: Chunk, signal: AbortSignal): Promise<RecordsWriter | LeftOut> {
    const group = this.#groups.of(chunk.id)
    if (group === undefined) return { chunk, leftOut: 'vanished' }
    const bytes = group.table.bytes[group.rows[0]!]!
    const { maxKeyBytes = keyedValueBytes } = this.#options
    if (group.rows.length === 1 && bytes > maxKeyBytes) {
      const detail = `it takes ${formatSize(bytes)} of the server's memory, more than max_key (${formatSize(maxKeyBytes)})`
      return { chunk, leftOut: 'too-large', detail }
    }
    return (await this.#readPatiently(group, signal)) ?? { chunk, leftOut: 'vanished' }
  }

  /** Reads a group; once more when the server went away under it and comes back. */
  async #readPatiently(group: KeyGroup, signal: AbortSignal): Promise<RecordsWriter | undefined> {
    try {
      return await this.#store.read(group, { signal })
    } catch (thrown) {
      signal.throwIfAborted()
      if (!isPassing(asHeirloomError(thrown))) throw thrown
      return this.#store.read(group, { signal, patienceMs: serverPatienceMs })
    }
  }
}
