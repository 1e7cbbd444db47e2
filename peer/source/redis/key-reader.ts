// Reads groups of keys: strings as they are, everything else (and strings whose hotness is worth keeping) as Redis dumps it, with the time of its end.
// All of a group is read in one transaction, so that no value is paired with another's expiry.

import type { Clock } from '../../../src/clock.ts'
import { HeirloomError } from '../../../src/errors.ts'
import type { KeyTable } from '../keyed/key-table.ts'
import { RecordsWriter, type Form } from '../keyed/records.ts'
import type { WaitOptions } from '../source.ts'
import { token, type Answers } from './answers.ts'
import { mark } from './census.ts'
import type { Commands } from './commands.ts'
import type { Hotness } from './hotness.ts'
import { factsIn, redisError, type RedisLink } from './server.ts'

export interface KeyReaderOptions {
  readonly database: number
  readonly hotness: Hotness
  readonly clock: Clock
}

/** What is asked for in one transaction: values of strings, and dumps of the rest. */
interface Question {
  readonly table: KeyTable
  readonly rows: readonly number[]
  /** So many of them, from the first, as values. */
  readonly plain: number
}

/** The answers to a question, and where in them the values and the times begin; of times -1 when there are none. */
interface Found extends Question {
  readonly answers: Answers
  readonly valuesAt: number
  readonly timesAt: number
  readonly nowMs: number
}

export class KeyReader {
  readonly #options: KeyReaderOptions
  /** Keys of this database may expire: their times are asked for. */
  #expires = false

  constructor(options: KeyReaderOptions) {
    this.#options = options
  }

  /** Reads these keys; undefined when all are gone, else without those that are. Throws what the server or the connection says. */
  async read(link: RedisLink, table: KeyTable, rows: readonly number[], options: WaitOptions): Promise<RecordsWriter | undefined> {
    const { hotness } = this.#options
    const plain: number[] = []
    const dumped: number[] = []
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index]!
      const isPlain = (table.marks[row]! & mark.notText) === 0 && hotness.form(table.scores[row]!) === 'value'
      if (isPlain) plain.push(row)
      else dumped.push(row)
    }
    const first = await this.#ask(link, { table, rows: plain.concat(dumped), plain: plain.length }, options)
    const found = [first]
    // What is no string, or is gone, has no value.
    const others = plain.filter((_, index) => !isThere(first, index))
    if (others.length > 0) {
      const second = await this.#ask(link, { table, rows: others, plain: 0 }, options)
      for (const [index, row] of others.entries()) if (isThere(second, index)) table.marks[row]! |= mark.notText
      found.push(second)
    }
    const records = this.#records(found)
    for (const { answers } of found) link.recycle(answers)
    return records
  }

  async #ask(link: RedisLink, question: Question, options: WaitOptions): Promise<Found> {
    for (;;) {
      const withTimes = this.#expires
      const answers = await link.send(this.#write(link.batch(), question, withTimes), options)
      const found = this.#find(answers, question, withTimes)
      if (found !== undefined) return found
      link.recycle(answers)
    }
  }

  #write(commands: Commands, { table, rows, plain }: Question, withTimes: boolean): Commands {
    commands.add('MULTI')
    if (plain > 0) {
      commands.begin(1 + plain)
      commands.word('MGET')
      for (let index = 0; index < plain; index++) writeKey(commands, table, rows[index]!)
    }
    for (let index = plain; index < rows.length; index++) {
      commands.begin(2)
      commands.word('DUMP')
      writeKey(commands, table, rows[index]!)
    }
    for (let index = 0; withTimes && index < rows.length; index++) {
      commands.begin(2)
      commands.word('PTTL')
      writeKey(commands, table, rows[index]!)
    }
    return commands.add('INFO', 'keyspace').add('EXEC')
  }

  /** Undefined when it must be asked again with the times, since keys turned out to expire. */
  #find(answers: Answers, { table, rows, plain }: Question, withTimes: boolean): Found | undefined {
    const { database, clock } = this.#options
    const keys = rows.length
    const queued = (plain > 0 ? 1 : 0) + keys - plain + (withTimes ? keys : 0) + 1
    const list = 1 + queued
    for (let index = 0; index < answers.tokens; index++) {
      const error = answers.errorAt(index)
      if (error !== undefined) throw redisError(error)
    }
    if (answers.kind(list) !== token.list || answers.number(list) !== queued)
      throw new HeirloomError('malformed', 'the server answered a transaction with something else')
    const valuesAt = list + (plain > 0 ? 2 : 1)
    const timesAt = valuesAt + keys
    const keyspace = factsIn(answers.text(timesAt + (withTimes ? keys : 0))).databases.find((each) => each.database === database)
    this.#expires = keyspace !== undefined && keyspace.expires > 0
    if (this.#expires && !withTimes) return undefined
    return { table, rows, plain, answers, valuesAt, timesAt: withTimes ? timesAt : -1, nowMs: clock.nowMs() }
  }

  #records(found: readonly Found[]): RecordsWriter | undefined {
    const { hotness } = this.#options
    let [count, keyBytes, valueBytes] = [0, 0, 0]
    for (const each of found) {
      const { table, rows, answers, valuesAt } = each
      for (let index = 0; index < rows.length; index++) {
        if (!isThere(each, index)) continue
        count++
        keyBytes += table.nameBytes(rows[index]!)
        valueBytes += answers.end(valuesAt + index) - answers.start(valuesAt + index)
      }
    }
    if (count === 0) return undefined
    const records = new RecordsWriter(count, keyBytes, valueBytes)
    const dumpedForm: Form = hotness.subcommand === 'FREQ' ? 'frequency' : 'idle'
    for (const each of found) {
      const { table, rows, answers, valuesAt, timesAt, nowMs, plain } = each
      for (let index = 0; index < rows.length; index++) {
        if (!isThere(each, index)) continue
        const row = rows[index]!
        const leftMs = timesAt < 0 ? -1 : answers.number(timesAt + index)
        records.add(index < plain ? 'value' : dumpedForm, hotness.told(table.scores[row]!), leftMs < 0 ? 0 : nowMs + leftMs)
        records.key(table.names, table.start(row), table.end(row))
        records.value(answers.buffer, answers.start(valuesAt + index), answers.end(valuesAt + index))
      }
    }
    return records
  }
}

function writeKey(commands: Commands, table: KeyTable, row: number): void {
  commands.raw(table.names, table.start(row), table.end(row))
}

/** Whether the key at this place has a value; -2 is the time of a key that has just gone. */
function isThere({ answers, valuesAt, timesAt }: Found, index: number): boolean {
  return answers.kind(valuesAt + index) === token.bytes && (timesAt < 0 || answers.number(timesAt + index) !== -2)
}
