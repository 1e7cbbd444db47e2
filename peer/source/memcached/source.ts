// A memcached server as a source.

import { systemClock, type Clock } from '../../../src/clock.ts'
import type { KeyGroup } from '../keyed/key-groups.ts'
import { KeyedSource, type KeyedSourceOptions, type KeyedStore } from '../keyed/keyed-source.ts'
import type { PatientOptions } from '../keyed/patient-links.ts'
import { RecordsWriter } from '../keyed/records.ts'
import type { Source, WaitOptions } from '../source.ts'
import { Census, weightOf } from './census.ts'
import { writeKey } from './item-key.ts'
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
    const commands = link.batch()
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index]!
      commands.text('mg ')
      const flag = writeKey(commands, table.names, table.start(row), table.end(row))
      commands.text(` v f t u${flag}\r\n`)
    }
    const answers = await link.send(commands, options)
    const records = this.#records(answers, { table, rows })
    link.recycle(answers)
    return records
  }

  [Symbol.dispose](): void {
    this.#server[Symbol.dispose]()
  }

  #records(answers: MetaAnswers, { table, rows }: Pick<KeyGroup, 'table' | 'rows'>): RecordsWriter | undefined {
    const nowMs = this.#clock.nowMs()
    let [count, keyBytes, valueBytes] = [0, 0, 0]
    for (let index = 0; index < answers.count; index++) {
      if (!answers.isValue(index)) {
        const said = answers.said(index)
        if (isError(said)) throw memcachedError(said)
        continue
      }
      count++
      keyBytes += table.nameBytes(rows[index]!)
      valueBytes += answers.end(index) - answers.start(index)
    }
    if (count === 0) return undefined
    const records = new RecordsWriter(count, keyBytes, valueBytes)
    for (let index = 0; index < answers.count; index++) {
      if (!answers.isValue(index)) continue
      const row = rows[index]!
      const leftS = answers.leftS(index)
      records.add('value', answers.flags(index), leftS < 0 ? 0 : Math.round(nowMs + 1000 * leftS))
      records.key(table.names, table.start(row), table.end(row))
      records.value(answers.buffer, answers.start(index), answers.end(index))
    }
    return records
  }
}
