// What is remembered of accesses: for each epoch the items that were used in it, and how often. An epoch is a fixed number of
// accesses; when there are too many epochs, pairs of them become one, and epochs are twice as long from then on.
//
// Invariant: memory is bounded whatever comes. At most `historyEntriesMax` entries of 6 bytes; beyond that the oldest quarter of the
// history is forgotten. Beside them there are 16 bytes an item. An access is a handful of array operations.
//
// Items are small numbers: who calls keeps the keys. A number may be used again for another item after `reuse`.

import { assert } from '../errors.ts'
import { historyEntriesMax, historyEpochsMax } from '../limits/plan.ts'

const countMax = 0xffff

export class AccessHistory {
  readonly #entriesMax: number
  readonly #epochsMax: number
  /** By entry: the item, and its accesses in the epoch. */
  #items = new Uint32Array(1 << 12)
  #counts = new Uint16Array(1 << 12)
  #entries = 0
  /** By epoch: its first entry. The last epoch is the current one. */
  readonly #starts: number[] = [0]
  #currentStart = 0
  #epochAccesses = 1
  #currentAccesses = 0
  /** Accesses that were forgotten with the oldest epochs. */
  #forgotten = 0
  #accesses = 0
  /** By item: when it was last used, and its newest entry, or -1. Side by side, since an access needs both. */
  #latest = new Float64Array(2 << 10)
  /** By item: the epoch in which its number was given to it. */
  #born = new Uint32Array(1 << 10)
  #itemsEnd = 0

  constructor({ entriesMax = historyEntriesMax, epochsMax = historyEpochsMax } = {}) {
    this.#entriesMax = entriesMax
    this.#epochsMax = epochsMax
  }

  /** Accesses so far, also those that are forgotten: the clock of the history. */
  get accesses(): number {
    return this.#accesses
  }

  /** One more than the highest item. */
  get itemsEnd(): number {
    return this.#itemsEnd
  }

  /** When the item was last used, as the number of accesses until then; 0 is never. */
  lastUse(item: number): number {
    return item < this.#itemsEnd ? this.#latest[2 * item]! : 0
  }

  /** The first `count` of `items`, one after the other. What they need is read of all of them first: the processor waits for many reads at once. */
  accessAll(items: Uint32Array, count: number): void {
    const latest = this.#latest
    const counts = this.#counts
    let read = 0
    for (let at = 0; at < count; at++) if (items[at]! < this.#itemsEnd) read += latest[2 * items[at]!]!
    for (let at = 0; at < count; at++) {
      const newest = items[at]! < this.#itemsEnd ? latest[2 * items[at]! + 1]! : -1
      if (newest >= this.#currentStart) read += counts[newest]!
    }
    // The compiler may leave out what isn't used.
    assert(read >= 0, 'times and counts are not negative')
    for (let at = 0; at < count; at++) this.access(items[at]!)
  }

  access(item: number): void {
    if (item >= this.#itemsEnd) this.#addItem(item)
    const latest = this.#latest
    latest[2 * item] = ++this.#accesses
    if (this.#currentAccesses++ === this.#epochAccesses) this.#nextEpoch()
    const newest = latest[2 * item + 1]!
    if (newest >= this.#currentStart) {
      if (this.#counts[newest]! < countMax) this.#counts[newest]!++
      return
    }
    if (this.#entries === this.#items.length) this.#makeRoom()
    latest[2 * item + 1] = this.#entries
    this.#counts[this.#entries] = 1
    this.#items[this.#entries++] = item
  }

  /** The number stands for another item from now on: what was remembered of the old one no longer counts. */
  reuse(item: number): void {
    if (item >= this.#itemsEnd) return
    this.#born[item] = this.#starts.length - 1
    this.#latest[2 * item] = 0
    this.#latest[2 * item + 1] = -1
  }

  /** Walks all that is remembered, oldest epoch first. `middle` is the middle of the entry's epoch on the history's clock. */
  forEach(visit: (item: number, count: number, middle: number) => void): void {
    for (let epoch = 0; epoch < this.#starts.length; epoch++) {
      const end = this.#starts[epoch + 1] ?? this.#entries
      const start = this.#forgotten + epoch * this.#epochAccesses
      const middle = (start + Math.min(this.#accesses, start + this.#epochAccesses)) / 2
      for (let entry = this.#starts[epoch]!; entry < end; entry++) {
        const item = this.#items[entry]!
        if (epoch >= this.#born[item]!) visit(item, this.#counts[entry]!, middle)
      }
    }
  }

  /** The clock at the oldest access that is remembered. */
  get since(): number {
    return this.#forgotten
  }

  #addItem(item: number): void {
    const [known, end] = [this.#itemsEnd, item + 1]
    if (item >= this.#born.length) {
      const length = Math.max(end, this.#born.length * 2)
      this.#latest = grown(this.#latest, new Float64Array(2 * length))
      this.#born = grown(this.#born, new Uint32Array(length))
    }
    for (let added = known; added < end; added++) this.#latest[2 * added + 1] = -1
    this.#itemsEnd = end
  }

  #nextEpoch(): void {
    this.#currentAccesses = 1
    if (this.#starts.length === this.#epochsMax) this.#mergePairs()
    this.#currentStart = this.#entries
    this.#starts.push(this.#entries)
  }

  /** Two epochs become one. Entries only ever move towards the front, so it is done in place. */
  #mergePairs(): void {
    const [items, counts, born] = [this.#items, this.#counts, this.#born]
    const starts = this.#starts
    // By item: one more than the place of its entry that was written last. Small beside `latest`, and it is met in no order.
    const places = new Uint32Array(this.#itemsEnd)
    let written = 0
    for (let epoch = 0; epoch < starts.length; epoch++) {
      const read = starts[epoch]!
      const end = starts[epoch + 1] ?? this.#entries
      if (epoch % 2 === 0) starts[epoch / 2] = written
      const merged = starts[epoch >>> 1]!
      for (let entry = read; entry < end; entry++) {
        const item = items[entry]!
        if (epoch < born[item]!) continue
        const count = counts[entry]!
        const known = places[item]! - 1
        if (known >= merged) counts[known] = Math.min(countMax, counts[known]! + count)
        else {
          places[item] = written + 1
          counts[written] = count
          items[written++] = item
        }
      }
    }
    this.#entries = written
    starts.length = (starts.length + 1) >>> 1
    this.#epochAccesses *= 2
    for (let item = 0; item < this.#itemsEnd; item++) {
      born[item]! >>>= 1
      // A new epoch begins: no entry so far is in it.
      this.#latest[2 * item + 1] = -1
    }
  }

  #makeRoom(): void {
    if (this.#items.length < this.#entriesMax) {
      const length = Math.min(this.#entriesMax, this.#items.length * 2)
      this.#items = grown(this.#items, new Uint32Array(length))
      this.#counts = grown(this.#counts, new Uint16Array(length))
    } else this.#forgetOldest()
  }

  /** Whole epochs go until a quarter of the entries is free. The current one stays, unless it alone is all there is. */
  #forgetOldest(): void {
    const starts = this.#starts
    let gone = starts.findIndex((start) => start >= this.#entries / 4)
    if (gone === -1) gone = starts.length - 1
    const from = gone === 0 ? Math.ceil(this.#entries / 4) : starts[gone]!
    this.#items.copyWithin(0, from, this.#entries)
    this.#counts.copyWithin(0, from, this.#entries)
    this.#entries -= from
    this.#forgotten += gone * this.#epochAccesses
    starts.splice(0, gone)
    for (let epoch = 0; epoch < starts.length; epoch++) starts[epoch] = Math.max(0, starts[epoch]! - from)
    this.#currentStart = starts[starts.length - 1]!
    for (let item = 0; item < this.#itemsEnd; item++) {
      this.#born[item] = Math.max(0, this.#born[item]! - gone)
      this.#latest[2 * item + 1] = Math.max(-1, this.#latest[2 * item + 1]! - from)
    }
  }
}

function grown<Values extends Uint16Array | Uint32Array | Float64Array>(old: Values, larger: Values): Values {
  larger.set(old)
  return larger
}
