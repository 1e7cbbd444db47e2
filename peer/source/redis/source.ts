// A Redis or Valkey server as a source.

import { systemClock, type Clock } from '../../../src/clock.ts'
import type { KeyGroup } from '../keyed/key-groups.ts'
import { KeyedSource, type KeyedSourceOptions, type KeyedStore } from '../keyed/keyed-source.ts'
import type { PatientOptions } from '../keyed/patient-links.ts'
import type { RecordsWriter } from '../keyed/records.ts'
import type { Source, WaitOptions } from '../source.ts'
import { Census } from './census.ts'
import { byIdleTime, hotnessOf, type Hotness } from './hotness.ts'
import { KeyReader } from './key-reader.ts'
import { RedisServer, type RedisServerOptions } from './server.ts'

export interface RedisSourceOptions extends RedisServerOptions, KeyedSourceOptions {
  /** Those of the server that have keys, where nothing is said. */
  readonly databases?: readonly number[] | undefined
}

export function createRedisSource(options: RedisSourceOptions): Source {
  return new KeyedSource('redis', new RedisStore(options), options)
}

class RedisStore implements KeyedStore {
  readonly #options: RedisSourceOptions
  readonly #clock: Clock
  readonly #server: RedisServer
  readonly #censuses = new Map<number, Census>()
  #readers = new Map<number, KeyReader>()
  #hotness: Hotness = byIdleTime

  constructor(options: RedisSourceOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#server = new RedisServer(options)
  }

  async look(options: WaitOptions): Promise<readonly number[]> {
    const { policy, databases } = await this.#server.facts(options)
    const hotness = hotnessOf(policy)
    // Scores of another kind say nothing.
    if (hotness !== this.#hotness) this.#censuses.clear()
    this.#hotness = hotness
    this.#readers = new Map()
    const named = this.#server.database
    const chosen = this.#options.databases ?? (named === undefined ? databases.map(({ database }) => database) : [named])
    for (const database of this.#censuses.keys()) if (!chosen.includes(database)) this.#censuses.delete(database)
    for (const database of chosen) {
      if (this.#censuses.has(database)) continue
      const keys = databases.find((each) => each.database === database)?.keys ?? 0
      const link = (linkOptions: WaitOptions) => this.#server.link(database, linkOptions)
      this.#censuses.set(database, new Census({ link, hotness, clock: this.#clock, keys }))
    }
    return chosen
  }

  census(database: number): Census {
    return this.#censuses.get(database)!
  }

  weight(score: number, nowMs: number): number {
    return this.#hotness.weight(score, nowMs)
  }

  async read({ database, table, rows }: KeyGroup, options: PatientOptions): Promise<RecordsWriter | undefined> {
    let reader = this.#readers.get(database)
    if (reader === undefined) {
      reader = new KeyReader({ database, hotness: this.#hotness, clock: this.#clock })
      this.#readers.set(database, reader)
    }
    return reader.read(await this.#server.link(database, options), table, rows, options)
  }

  [Symbol.dispose](): void {
    this.#server[Symbol.dispose]()
  }
}
