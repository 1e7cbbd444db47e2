// A Redis or Valkey server as a source. Before any notice a census goes round at a bounded cost, so that at the notice the hottest keys go at once;
// then the keys are listed once more, for those that came since.

import { systemClock, type Clock } from '../../../src/clock.ts'
import { Deadline } from '../../../src/deadline.ts'
import { asHeirloomError } from '../../../src/errors.ts'
import type { Chunk, ChunkPart, LeftOut } from '../../../src/chunk/chunk.ts'
import { inventoryTimeoutMs } from '../../../src/limits/handoff.ts'
import {
  censusPauseMs,
  censusShare,
  groupsAskedMax,
  keysAloneMax,
  keyedValueBytes,
  keysStretchMax,
  knownFirstShare,
  serverPatienceMs,
} from '../../../src/limits/keyed.ts'
import { packBytesTarget } from '../../../src/limits/wire.ts'
import type { Order } from '../../../src/plan/manifest.ts'
import { formatSize } from '../../../src/units.ts'
import { KeyGroups, type KeyGroup } from '../keyed/key-groups.ts'
import { partsOf } from '../keyed/parts.ts'
import type { RecordsWriter } from '../keyed/records.ts'
import { readAhead } from '../keyed/read-ahead.ts'
import { Upkeep } from '../keyed/upkeep.ts'
import type { InventoryQuery, Source, WaitOptions } from '../source.ts'
import { Census } from './census.ts'
import { byIdleTime, hotnessOf, type Hotness } from './hotness.ts'
import { KeyReader } from './key-reader.ts'
import { isPassing, RedisServer, type RedisServerOptions } from './server.ts'

export interface RedisSourceOptions extends RedisServerOptions {
  readonly name: string
  readonly order?: Order
  /** Those of the server that have keys, where nothing is said. */
  readonly databases?: readonly number[] | undefined
  /** Larger keys are left out. */
  readonly maxKeyBytes?: number | undefined
  /** No more keys than this are chunks of their own each. */
  readonly aloneMax?: number
  readonly onWarning?: (message: string) => void
  readonly clock?: Clock
}

export function createRedisSource(options: RedisSourceOptions): Source {
  return new RedisSource(options)
}

class RedisSource implements Source {
  readonly name: string
  readonly kind = 'redis'
  readonly #options: RedisSourceOptions
  readonly #clock: Clock
  readonly #server: RedisServer
  readonly #censuses = new Map<number, Census>()
  readonly #upkeep: Upkeep
  #groups: KeyGroups
  #hotness: Hotness = byIdleTime
  #readers = new Map<number, KeyReader>()

  constructor(options: RedisSourceOptions) {
    this.name = options.name
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#server = new RedisServer(options)
    this.#groups = new KeyGroups(options)
    this.#upkeep = new Upkeep(this.#clock, censusPauseMs, (signal) => this.#goRound(signal))
  }

  /** Goes round once; from then on every censusPauseMs, until the inventory is asked for. */
  async warm({ signal }: WaitOptions): Promise<void> {
    await this.#upkeep.begin(signal)
  }

  async *inventory({ deadlineMs }: InventoryQuery, { signal }: WaitOptions): AsyncGenerator<Chunk[]> {
    await this.#upkeep.stop()
    const slice = Deadline.after(this.#clock, knownFirstShare * Math.min(inventoryTimeoutMs, deadlineMs / 3))
    const { databases, hotness } = await this.#look(signal)
    const groups = (this.#groups = new KeyGroups(this.#options))
    this.#hotness = hotness
    this.#readers = new Map()
    let known = 0
    const nowMs = this.#clock.nowMs()
    for (const database of databases) {
      const { table, isComplete } = this.#census(database)
      if (!isComplete) continue
      known += table.rows
      const rows = Uint32Array.from({ length: table.rows }, (_, row) => row)
      yield groups.group({ database, table, rows, weightOf: (row) => hotness.weight(table.scores[row]!, nowMs) })
    }
    // Asking the server for all names now would only hold up what is known to be hot; a few are told in no time.
    if (known > keysAloneMax) await groups.allRead(slice, signal)
    for (const database of databases) yield* this.#listNew(database, hotness, signal)
  }

  async *read(chunks: readonly Chunk[], { signal }: WaitOptions): AsyncGenerator<(ChunkPart | LeftOut)[]> {
    const ask = (chunk: Chunk) => this.#readOne(chunk, signal)
    const bytesOf = ({ bytes = 0 }: Chunk) => bytes
    const asked = readAhead({ items: chunks, ask, askedMax: groupsAskedMax, bytesMax: packBytesTarget, bytesOf })
    for await (const { item, answer } of asked) {
      this.#groups.wasRead(item.id)
      if ('leftOut' in answer) yield [answer]
      else for (const part of partsOf(item, answer, packBytesTarget)) yield [part]
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server[Symbol.dispose]()
    await this.#upkeep.stop()
  }

  async #look(signal: AbortSignal): Promise<{ databases: readonly number[]; hotness: Hotness }> {
    const facts = await this.#server.facts({ signal })
    const chosen = this.#options.databases ?? (this.#server.database === undefined ? undefined : [this.#server.database])
    return { databases: chosen ?? facts.databases.map(({ database }) => database), hotness: hotnessOf(facts.policy) }
  }

  async #goRound(signal: AbortSignal): Promise<void> {
    const { databases, hotness } = await this.#look(signal)
    for (const known of this.#censuses.keys()) if (!databases.includes(known)) this.#censuses.delete(known)
    for (const database of databases) {
      const link = await this.#server.link(database, { signal })
      const round = { link, hotness, clock: this.#clock, signal, share: censusShare, onlyNew: false }
      for await (const page of this.#census(database).round(round)) void page
    }
  }

  /** Keys that the census has not seen, a stretch at a time, so that the first are told before all are known. */
  async *#listNew(database: number, hotness: Hotness, signal: AbortSignal): AsyncGenerator<Chunk[]> {
    const census = this.#census(database)
    const link = await this.#server.link(database, { signal })
    const nowMs = this.#clock.nowMs()
    const { table } = census
    const weightOf = (row: number) => hotness.weight(table.scores[row]!, nowMs)
    let stretch: number[] = []
    const wasKnown = census.isComplete
    for await (const page of census.round({ link, hotness, clock: this.#clock, signal, share: 1, onlyNew: wasKnown })) {
      for (const row of page) stretch.push(row)
      if (stretch.length < keysStretchMax) continue
      yield this.#groups.group({ database, table, rows: Uint32Array.from(stretch), weightOf })
      stretch = []
    }
    if (stretch.length > 0) yield this.#groups.group({ database, table, rows: Uint32Array.from(stretch), weightOf })
    if (census.ignored > 0)
      this.#options.onWarning?.(`${this.name}: ${census.ignored} keys of database ${database} are left out: too many, or with too long names`)
  }

  async #readOne(chunk: Chunk, signal: AbortSignal): Promise<RecordsWriter | LeftOut> {
    const group = this.#groups.of(chunk.id)
    if (group === undefined) return { chunk, leftOut: 'vanished' }
    const { table, rows } = group
    const [first] = rows
    const { maxKeyBytes = keyedValueBytes } = this.#options
    if (rows.length === 1 && table.bytes[first!]! > maxKeyBytes) {
      const detail = `it takes ${formatSize(table.bytes[first!]!)} of the server's memory, more than max_key (${formatSize(maxKeyBytes)})`
      return { chunk, leftOut: 'too-large', detail }
    }
    return (await this.#readPatiently(group, signal)) ?? { chunk, leftOut: 'vanished' }
  }

  /** Reads a group; once more when the server went away under it and comes back. */
  async #readPatiently(group: KeyGroup, signal: AbortSignal): Promise<RecordsWriter | undefined> {
    const { database, rows } = group
    const reader = this.#reader(group)
    try {
      return await reader.read(await this.#server.link(database, { signal }), rows, { signal })
    } catch (thrown) {
      signal.throwIfAborted()
      if (!isPassing(asHeirloomError(thrown))) throw thrown
    }
    return reader.read(await this.#server.link(database, { signal, patienceMs: serverPatienceMs }), rows, { signal })
  }

  #reader({ database, table }: KeyGroup): KeyReader {
    let reader = this.#readers.get(database)
    if (reader === undefined) {
      reader = new KeyReader({ database, table, hotness: this.#hotness, clock: this.#clock })
      this.#readers.set(database, reader)
    }
    return reader
  }

  #census(database: number): Census {
    const known = this.#censuses.get(database) ?? new Census()
    this.#censuses.set(database, known)
    return known
  }
}
