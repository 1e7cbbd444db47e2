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

/** What is asked for in one transaction: values of strings, and dumps. */
interface Question {
  readonly table: KeyTable
  readonly plain: readonly number[]
  readonly dumped: readonly number[]
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
    for (const row of rows) {
      const isPlain = (table.marks[row]! & mark.notText) === 0 && hotness.form(table.scores[row]!) === 'value'
      ;(isPlain ? plain : dumped).push(row)
    }
    const found = [await this.#ask(link, { table, plain, dumped }, options)]
    // What is no string, or is gone, has no value.
    const others = plain.filter((_, index) => !isThere(found[0]!, index))
    if (others.length > 0) {
      const second = await this.#ask(link, { table, plain: [], dumped: others }, options)
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

  #write(commands: Commands, { table, plain, dumped }: Question, withTimes: boolean): Commands {
    commands.add('MULTI')
    if (plain.length > 0) {
      commands.begin(1 + plain.length)
      commands.word('MGET')
      for (const row of plain) commands.raw(table.names, table.start(row), table.end(row))
    }
    const each = (word: string, row: number) => {
      commands.begin(2)
      commands.word(word)
      commands.raw(table.names, table.start(row), table.end(row))
    }
    for (const row of dumped) each('DUMP', row)
    if (withTimes) for (const row of [...plain, ...dumped]) each('PTTL', row)
    return commands.add('INFO', 'keyspace').add('EXEC')
  }

  /** Undefined when it must be asked again with the times, since keys turned out to expire. */
  #find(answers: Answers, { table, plain, dumped }: Question, withTimes: boolean): Found | undefined {
    const { database, clock } = this.#options
    const keys = plain.length + dumped.length
    const queued = (plain.length > 0 ? 1 : 0) + dumped.length + (withTimes ? keys : 0) + 1
    const list = 1 + queued
    for (let index = 0; index < answers.tokens; index++) {
      const error = answers.errorAt(index)
      if (error !== undefined) throw redisError(error)
    }
    if (answers.kind(list) !== token.list || answers.number(list) !== queued)
      throw new HeirloomError('malformed', 'the server answered a transaction with something else')
    const valuesAt = list + (plain.length > 0 ? 2 : 1)
    const timesAt = valuesAt + keys
    const keyspace = factsIn(answers.text(timesAt + (withTimes ? keys : 0))).databases.find((each) => each.database === database)
    this.#expires = keyspace !== undefined && keyspace.expires > 0
    if (this.#expires && !withTimes) return undefined
    return { table, plain, dumped, answers, valuesAt, timesAt: withTimes ? timesAt : -1, nowMs: clock.nowMs() }
  }

  #records(found: readonly Found[]): RecordsWriter | undefined {
    const { hotness } = this.#options
    let [count, keyBytes, valueBytes] = [0, 0, 0]
    for (const each of found) {
      const { table } = each
      for (const [index, row] of rowsOf(each)) {
        if (!isThere(each, index)) continue
        const at = each.valuesAt + index
        count++
        keyBytes += table.nameBytes(row)
        valueBytes += each.answers.end(at) - each.answers.start(at)
      }
    }
    if (count === 0) return undefined
    const records = new RecordsWriter(count, keyBytes, valueBytes)
    const dumpedForm: Form = hotness.subcommand === 'FREQ' ? 'frequency' : 'idle'
    for (const each of found) {
      const { table, answers, valuesAt, timesAt, nowMs, plain } = each
      for (const [index, row] of rowsOf(each)) {
        if (!isThere(each, index)) continue
        const leftMs = timesAt < 0 ? -1 : answers.number(timesAt + index)
        records.add({
          form: index < plain.length ? 'value' : dumpedForm,
          keySource: table.names,
          keyStart: table.start(row),
          keyEnd: table.end(row),
          source: answers.buffer,
          start: answers.start(valuesAt + index),
          end: answers.end(valuesAt + index),
          hotness: hotness.told(table.scores[row]!),
          expiresAtMs: leftMs < 0 ? 0 : nowMs + leftMs,
        })
      }
    }
    return records
  }
}

function* rowsOf({ plain, dumped }: Question): Generator<[number, number]> {
  for (let index = 0; index < plain.length; index++) yield [index, plain[index]!]
  for (let index = 0; index < dumped.length; index++) yield [plain.length + index, dumped[index]!]
}

/** Whether the key at this place has a value; -2 is the time of a key that has just gone. */
function isThere({ answers, valuesAt, timesAt }: Found, index: number): boolean {
  return answers.kind(valuesAt + index) === token.bytes && (timesAt < 0 || answers.number(timesAt + index) !== -2)
}
