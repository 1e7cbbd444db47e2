// Which keys a database has, how hot they are and how large, known before any notice and kept up at a bounded cost: pages of SCAN, with OBJECT FREQ (or
// IDLETIME) and MEMORY USAGE for the keys of the page before in the same round trip. None of these touches a key.

import { delay, type Clock } from '../../../src/clock.ts'
import { HeirloomError } from '../../../src/errors.ts'
import { keyNameBytesMax, keysKnownMax, scanKeys, scanKeysAtNotice } from '../../../src/limits/keyed.ts'
import type { KeyCensus, RoundOptions } from '../keyed/keyed-source.ts'
import { KeyTable } from '../keyed/key-table.ts'
import type { WaitOptions } from '../source.ts'
import { token, type Answers } from './answers.ts'
import { Commands } from './commands.ts'
import type { Hotness } from './hotness.ts'
import { redisError, type RedisLink } from './server.ts'

/** Marks of a key. */
export const mark = { seen: 1, notText: 2 } as const

export interface CensusOptions {
  readonly link: (options: WaitOptions) => Promise<RedisLink>
  readonly hotness: Hotness
  readonly clock: Clock
  /** About how many keys there are. */
  readonly keys: number
}

export class Census implements KeyCensus {
  readonly #options: CensusOptions
  table: KeyTable
  /** All keys were listed at least once. */
  isComplete = false
  /** Keys that are too many, or whose names are too long. */
  ignored = 0

  constructor(options: CensusOptions) {
    this.#options = options
    this.table = new KeyTable(options.keys)
  }

  /** Lists all keys once; yields the rows whose hotness and size came to be known, a page at a time. Throws what the server or the connection says. */
  async *round({ onlyNew, share, signal }: RoundOptions): AsyncGenerator<readonly number[]> {
    const { clock } = this.#options
    const link = await this.#options.link({ signal })
    this.ignored = 0
    if (!onlyNew) this.#forgetSeen()
    let cursor: string | undefined = '0'
    let page: number[] = []
    while (cursor !== undefined || page.length > 0) {
      const startedMs = clock.monotonicMs()
      const commands = link.batch()
      const asked = page
      const sizeless = asked.filter((row) => this.table.bytes[row] === 0)
      this.#ask(commands, asked, sizeless)
      if (cursor !== undefined) commands.add('SCAN', cursor, 'COUNT', onlyNew ? scanKeysAtNotice : scanKeys)
      const answers = await link.send(commands, { signal })
      this.#note(answers, asked, sizeless)
      if (cursor !== undefined) ({ cursor, page } = this.#list(answers, asked.length + sizeless.length, onlyNew))
      else page = []
      link.recycle(answers)
      yield asked
      if (share < 1) await delay(clock, ((clock.monotonicMs() - startedMs) * (1 - share)) / share, signal)
    }
    if (!onlyNew) this.#dropUnseen()
    this.isComplete = true
  }

  #ask(commands: Commands, asked: readonly number[], sizeless: readonly number[]): void {
    const { subcommand } = this.#options.hotness
    for (const row of asked) {
      commands.begin(3)
      commands.word('OBJECT')
      commands.word(subcommand)
      commands.raw(this.table.names, this.table.start(row), this.table.end(row))
    }
    for (const row of sizeless) {
      commands.begin(3)
      commands.word('MEMORY')
      commands.word('USAGE')
      commands.raw(this.table.names, this.table.start(row), this.table.end(row))
    }
  }

  #note(answers: Answers, asked: readonly number[], sizeless: readonly number[]): void {
    const { table } = this
    const { hotness, clock } = this.#options
    const nowMs = clock.nowMs()
    asked.forEach((row, index) => {
      const error = answers.errorAt(index)
      if (error !== undefined) throw redisError(error)
      // A key that is gone by now has none.
      if (answers.kind(index) === token.number) table.scores[row] = hotness.score(answers.number(index), table.scores[row]!, nowMs)
    })
    sizeless.forEach((row, index) => {
      const error = answers.errorAt(asked.length + index)
      if (error !== undefined) throw redisError(error)
      if (answers.kind(asked.length + index) === token.number)
        table.bytes[row] = Math.min(0xffff_ffff, answers.number(asked.length + index))
    })
  }

  /** The page that begins at this token: its keys' rows, and where the next page is. */
  #list(answers: Answers, at: number, onlyNew: boolean): { cursor: string | undefined; page: number[] } {
    const error = answers.errorAt(at)
    if (error !== undefined) throw redisError(error)
    if (answers.kind(at) !== token.list || answers.kind(at + 2) !== token.list)
      throw new HeirloomError('malformed', 'the server answered SCAN with something else')
    const page: number[] = []
    const { table } = this
    for (let index = at + 3; index < at + 3 + answers.number(at + 2); index++) {
      const [start, end] = [answers.start(index), answers.end(index)]
      let row = table.find(answers.buffer, start, end)
      if (row >= 0 && onlyNew) continue
      if (row < 0) row = end - start <= keyNameBytesMax && table.rows < keysKnownMax ? table.add(answers.buffer, start, end) : -1
      if (row < 0) this.ignored++
      // SCAN may name a key twice.
      else if ((table.marks[row]! & mark.seen) === 0 || onlyNew) {
        table.marks[row]! |= mark.seen
        page.push(row)
      }
    }
    const cursor = answers.text(at + 1)
    return { cursor: cursor === '0' ? undefined : cursor, page }
  }

  #forgetSeen(): void {
    const { marks, rows } = this.table
    for (let row = 0; row < rows; row++) marks[row]! &= ~mark.seen
  }

  /** Keys that are gone are forgotten. */
  #dropUnseen(): void {
    const { table } = this
    const isSeen = (row: number) => (table.marks[row]! & mark.seen) !== 0
    for (let row = 0; row < table.rows; row++) {
      if (isSeen(row)) continue
      this.table = table.kept(isSeen)
      return
    }
  }
}
