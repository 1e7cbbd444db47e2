// Chunks of one source that go by their value per byte, the highest first, while more are still being listed.
//
// What was listed is sorted when the next chunk is asked for, into runs; runs of like size are merged. So listing and taking may alternate as
// they please, and each chunk is moved a few times at most.

import type { ChunkTable } from './chunk-table.ts'
import type { Line } from './line.ts'
import { compareRows, rankRows } from './rank-rows.ts'

/** So many as stay in the processor's cache with what else is done meanwhile: 128 and 512 take as long, 2048 half as long again. */
const fetchedRows = 256

interface Run {
  readonly rows: Uint32Array
  next: number
  /** Up to where its rows are near. */
  fetched: number
}

export class ValuedLine implements Line {
  readonly #table: ChunkTable
  readonly #runs: Run[] = []
  #listed = new Uint32Array(16)
  #listedCount = 0
  #best: Run | undefined

  constructor(table: ChunkTable) {
    this.#table = table
  }

  push(row: number): void {
    if (this.#listedCount === this.#listed.length) {
      const larger = new Uint32Array(2 * this.#listed.length)
      larger.set(this.#listed)
      this.#listed = larger
    }
    this.#listed[this.#listedCount++] = row
  }

  get isEmpty(): boolean {
    return this.#listedCount === 0 && this.#runs.length === 0
  }

  peek(): number | undefined {
    if (this.#listedCount > 0) this.#sort()
    if (this.#best === undefined) {
      this.#best = this.#findBest()
      if (this.#best !== undefined) this.#fetch(this.#best)
    }
    return this.#best?.rows[this.#best.next]
  }

  shift(): void {
    const best = this.#best!
    if (++best.next === best.rows.length) this.#runs.splice(this.#runs.indexOf(best), 1)
    else if (this.#runs.length === 1) return this.#fetch(best)
    this.#best = undefined
  }

  value(row: number): number {
    return this.#table.value(row)
  }

  /** The rows of a run are read in blocks before they are taken. */
  #fetch(run: Run): void {
    if (run.next < run.fetched) return
    const end = Math.min(run.next + fetchedRows, run.rows.length)
    this.#table.fetch(run.rows, run.next, end)
    run.fetched = end
  }

  #compare(a: number, b: number): number {
    return compareRows(a, b, this.#table.values, this.#table.priorities)
  }

  #findBest(): Run | undefined {
    let best: Run | undefined
    for (const run of this.#runs) if (best === undefined || this.#compare(run.rows[run.next]!, best.rows[best.next]!) < 0) best = run
    return best
  }

  #sort(): void {
    const rows = this.#listed.slice(0, this.#listedCount)
    // Room that a large listing took is not kept for the small ones that follow.
    this.#listed = new Uint32Array(16)
    this.#listedCount = 0
    rankRows(rows, this.#table.values, this.#table.priorities)
    this.#runs.push({ rows, next: 0, fetched: 0 })
    this.#best = undefined
    while (this.#runs.length > 1 && left(this.#runs.at(-2)!) < 2 * left(this.#runs.at(-1)!)) {
      const [first, second] = this.#runs.splice(-2) as [Run, Run]
      this.#runs.push(this.#merge(first, second))
    }
  }

  #merge(first: Run, second: Run): Run {
    const rows = new Uint32Array(left(first) + left(second))
    for (let at = 0; at < rows.length; at++) {
      const isFirst =
        second.next === second.rows.length ||
        (first.next < first.rows.length && this.#compare(first.rows[first.next]!, second.rows[second.next]!) <= 0)
      const run = isFirst ? first : second
      rows[at] = run.rows[run.next++]!
    }
    return { rows, next: 0, fetched: 0 }
  }
}

function left({ rows, next }: Run): number {
  return rows.length - next
}
