// Which keys a memcached has, when each was read last, and how large they are: the server lists them all, without touching any. It does so as fast as
// we read, so a round takes its share of the time by pausing after it.

import { delay, type Clock } from '../../../src/clock.ts'
import { asHeirloomError } from '../../../src/errors.ts'
import { keyNameBytesMax, keysKnownMax, serverRetryMs, signOfLifeMs } from '../../../src/limits/keyed.ts'
import type { KeyCensus, RoundOptions } from '../keyed/keyed-source.ts'
import { KeyTable } from '../keyed/key-table.ts'
import type { WaitOptions } from '../source.ts'
import { parseItemLine, type ItemLine } from './item-line.ts'
import type { Line } from './lines.ts'
import type { MemcachedLink } from './server.ts'

export interface CensusOptions {
  readonly link: (options: WaitOptions) => Promise<MemcachedLink>
  readonly clock: Clock
}

const seen = 1
const listAttempts = 20

export class Census implements KeyCensus {
  readonly #options: CensusOptions
  table = new KeyTable()
  isComplete = false
  ignored = 0
  /** The hash table has every item; the LRU lists, which older servers go by, miss those that are moved meanwhile. */
  #where: 'hash' | 'all' = 'hash'

  constructor(options: CensusOptions) {
    this.#options = options
  }

  async *round({ share, onlyNew, signal }: RoundOptions): AsyncGenerator<readonly number[]> {
    const { clock } = this.#options
    const startedMs = clock.monotonicMs()
    const rows: number[] = []
    let listed = 0
    this.ignored = 0
    if (!onlyNew) this.table.marks.fill(0)
    const over = new AbortController()
    const listing = this.#list((line) => this.#take(line, onlyNew, rows), signal).finally(() => over.abort())
    while (!over.signal.aborted) {
      await Promise.race([listing, delay(clock, signOfLifeMs, over.signal).catch(() => {})])
      listed += rows.length
      yield rows.splice(0)
    }
    await listing
    const { table } = this
    if (!onlyNew && listed < table.rows) this.table = table.kept((row) => (table.marks[row]! & seen) !== 0)
    this.isComplete = true
    if (share < 1) await delay(clock, ((clock.monotonicMs() - startedMs) * (1 - share)) / share, signal)
  }

  /** Only one client at a time may have the keys listed. */
  async #list(onLine: (line: Line) => void, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const link = await this.#options.link({ signal })
        return await link.lines(`lru_crawler metadump ${this.#where}`, onLine, { signal })
      } catch (thrown) {
        signal.throwIfAborted()
        const { code } = asHeirloomError(thrown)
        const isUnknown = code === 'unsupported' && this.#where === 'hash'
        if (isUnknown) this.#where = 'all'
        if (attempt === listAttempts || (code !== 'busy' && !isUnknown)) throw thrown
        await delay(this.#options.clock, serverRetryMs, signal)
      }
    }
  }

  readonly #name = Buffer.allocUnsafe(keyNameBytesMax)
  readonly #item: ItemLine = { nameBytes: 0, lastAccessS: 0, wasFetched: false, bytes: 0 }

  #take({ bytes, start, end }: Line, onlyNew: boolean, rows: number[]): void {
    const { table } = this
    const item = this.#item
    if (!parseItemLine(bytes, start, end, this.#name, item)) return void this.ignored++
    let row = table.find(this.#name, 0, item.nameBytes)
    if (row >= 0 && onlyNew) return
    if (row < 0) row = table.rows < keysKnownMax ? table.add(this.#name, 0, item.nameBytes) : -1
    if (row < 0) return void this.ignored++
    table.scores[row] = scoreOf(item)
    table.bytes[row] = Math.min(0xffff_ffff, item.bytes)
    if ((table.marks[row]! & seen) === 0) rows.push(row)
    table.marks[row]! |= seen
  }
}

/** The time of the last access in s, and in the lowest bit whether the item was ever read. */
function scoreOf({ lastAccessS, wasFetched }: ItemLine): number {
  return Math.min(0x7fff_ffff, lastAccessS) * 2 + (wasFetched ? 1 : 0)
}

/** Re-reference intervals are about as long as the time since the last access; what was never read again is less likely to be. */
export function weightOf(score: number, nowMs: number): number {
  const ageS = Math.max(0, nowMs / 1000 - Math.floor(score / 2))
  return ((score & 1) === 1 ? 1 : 0.25) * (60 / (60 + ageS))
}
