// A memcached server as a source.

import { systemClock, type Clock } from '../../../src/clock.ts'
import type { KeyGroup } from '../keyed/key-groups.ts'
import { KeyedSource, type KeyedSourceOptions, type KeyedStore } from '../keyed/keyed-source.ts'
import type { PatientOptions } from '../keyed/patient-links.ts'
import { RecordsWriter } from '../keyed/records.ts'
import type { Source, WaitOptions } from '../source.ts'
import { Census, weightOf } from './census.ts'
import { writtenKey } from './item-key.ts'
import type { MetaAnswers } from './meta-answers.ts'
import { isError, memcachedError, MemcachedServer } from './server.ts'

export interface MemcachedSourceOptions extends KeyedSourceOptions {
  /** `memcached://host:port` or `unix:/path.sock`. */
  readonly url: string
}

export function createMemcachedSource(options: MemcachedSourceOptions): Source {
  return new KeyedSource('memcached', new MemcachedStore(options), options)
}

class MemcachedStore implements KeyedStore {
  readonly #server: MemcachedServer
  readonly #clock: Clock
  readonly #census: Census

  constructor({ url, clock = systemClock }: MemcachedSourceOptions) {
    this.#server = new MemcachedServer(url)
    this.#clock = clock
    this.#census = new Census({ link: (options) => this.#server.link(options), clock })
  }

  async look(options: WaitOptions): Promise<readonly number[]> {
    await this.#server.link(options)
    return [0]
  }

  census(): Census {
    return this.#census
  }

  weight(score: number, nowMs: number): number {
    return weightOf(score, nowMs)
  }

  /** Reading doesn't count as an access there (flag `u`). */
  async read({ table, rows }: KeyGroup, options: PatientOptions): Promise<RecordsWriter | undefined> {
    const link = await this.#server.link(options)
    const asked = rows.map((row) => `mg ${writtenKey(table.name(row))} v f t u\r\n`).join('')
    return this.#records(await link.send(Buffer.from(`${asked}mn\r\n`, 'latin1'), options), { table, rows })
  }

  [Symbol.dispose](): void {
    this.#server[Symbol.dispose]()
  }

  #records({ answers, buffer }: MetaAnswers, { table, rows }: Pick<KeyGroup, 'table' | 'rows'>): RecordsWriter | undefined {
    const nowMs = this.#clock.nowMs()
    let [count, keyBytes, valueBytes] = [0, 0, 0]
    for (const [index, answer] of answers.entries()) {
      if (isError(answer)) throw memcachedError(answer.said)
      if (answer.said !== 'VA') continue
      count++
      keyBytes += table.nameBytes(rows[index]!)
      valueBytes += answer.end - answer.start
    }
    if (count === 0) return undefined
    const records = new RecordsWriter(count, keyBytes, valueBytes)
    for (const [index, { said, start, end, flags, leftS }] of answers.entries()) {
      if (said !== 'VA') continue
      const row = rows[index]!
      records.add({
        form: 'value',
        keySource: table.names,
        keyStart: table.start(row),
        keyEnd: table.end(row),
        source: buffer,
        start,
        end,
        hotness: flags,
        expiresAtMs: leftS < 0 ? 0 : Math.round(nowMs + 1000 * leftS),
      })
    }
    return records
  }
}
