// A set of pack numbers: what a receiver has, what was acknowledged. A bitmap that grows with the highest number,
// so at most packsMax / 8 bytes; on the wire ascending runs (PROTOCOL.md, "Pack sets").

import { HeirloomError } from '../errors.ts'
import { packRangesMax, packsMax } from '../limits/wire.ts'

export class PackSet {
  #words = new Uint32Array(8)
  #size = 0

  static of(numbers: Iterable<number>): PackSet {
    const set = new PackSet()
    for (const number of numbers) set.add(number)
    return set
  }

  /** How many numbers the set has. */
  get size(): number {
    return this.#size
  }

  has(number: number): boolean {
    const word = this.#words[number >>> 5]
    return word !== undefined && (word & (1 << (number & 31))) !== 0
  }

  /** Adds `number`; says whether it was new. Throws `too-large` above the bound on packs. */
  add(number: number): boolean {
    if (!Number.isInteger(number) || number < 0 || number >= packsMax) {
      throw new HeirloomError('too-large', `pack number ${number} is not between 0 and ${packsMax - 1}`)
    }
    const index = number >>> 5
    this.#reach(index)
    const bit = 1 << (number & 31)
    if ((this.#words[index]! & bit) !== 0) return false
    this.#words[index]! |= bit
    this.#size++
    return true
  }

  delete(number: number): boolean {
    if (!this.has(number)) return false
    this.#words[number >>> 5]! &= ~(1 << (number & 31))
    this.#size--
    return true
  }

  /** Of a set, 32 numbers at a time: one from the wire may have a million in a few bytes. */
  addAll(other: Iterable<number>): void {
    if (!(other instanceof PackSet)) {
      for (const number of other) this.add(number)
      return
    }
    for (let index = 0; index < other.#words.length; index++) if (other.#words[index] !== 0) this.#addBits(index, other.#words[index]!)
  }

  /** Whether every number of another set is in this one. */
  hasAll(other: PackSet): boolean {
    return other.#words.every((word, index) => (word & ~(this.#words[index] ?? 0)) === 0)
  }

  /** Whether the set has every number below `end`. */
  hasAllBelow(end: number): boolean {
    return this.firstMissing() >= end
  }

  /** The lowest number that isn't in the set, from `from` on. */
  firstMissing(from = 0): number {
    let number = from
    while (this.has(number)) {
      number += (number & 31) === 0 && this.#words[number >>> 5] === 0xffffffff ? 32 : 1
    }
    return number
  }

  *[Symbol.iterator](): IterableIterator<number> {
    for (let index = 0; index < this.#words.length; index++) {
      const word = this.#words[index]!
      if (word === 0) continue
      for (let bit = 0; bit < 32; bit++) if ((word & (1 << bit)) !== 0) yield index * 32 + bit
    }
  }

  clone(): PackSet {
    const copy = new PackSet()
    copy.#words = this.#words.slice()
    copy.#size = this.#size
    return copy
  }

  /** The set as runs `[skip, count, …]`. With more runs than the wire allows, the highest ones. */
  toRuns(): number[] {
    const starts: { start: number; end: number }[] = []
    for (const number of this) {
      const last = starts.at(-1)
      if (last !== undefined && last.end === number) last.end = number + 1
      else starts.push({ start: number, end: number + 1 })
    }
    const runs: number[] = []
    let position = 0
    for (const { start, end } of starts.slice(-packRangesMax)) {
      runs.push(start - position, end - start)
      position = end
    }
    return runs
  }

  /** Reads runs from the wire; throws `malformed` or `too-large` and allocates nothing for numbers out of bounds. */
  static fromRuns(runs: readonly number[]): PackSet {
    if (runs.length % 2 !== 0) throw new HeirloomError('malformed', 'a pack set has a skip without a count')
    if (runs.length > 2 * packRangesMax) throw new HeirloomError('too-large', `a pack set has more than ${packRangesMax} runs`)
    const set = new PackSet()
    let position = 0
    for (let index = 0; index < runs.length; index += 2) {
      const count = runs[index + 1]!
      const start = position + runs[index]!
      if (count < 1 || (index > 0 && runs[index] === 0)) throw new HeirloomError('malformed', 'a pack set has an empty or unjoined run')
      if (start + count > packsMax) throw new HeirloomError('too-large', `a pack set goes beyond ${packsMax} packs`)
      set.#addRun(start, start + count)
      position = start + count
    }
    return set
  }

  #addRun(start: number, end: number): void {
    this.#reach((end - 1) >>> 5)
    for (let index = start >>> 5; index <= (end - 1) >>> 5; index++) {
      const first = Math.max(0, start - index * 32)
      const last = Math.min(31, end - 1 - index * 32)
      this.#addBits(index, ((0xffffffff >>> (31 - last)) & (0xffffffff << first)) >>> 0)
    }
  }

  #addBits(index: number, bits: number): void {
    this.#reach(index)
    let fresh = (bits & ~this.#words[index]!) >>> 0
    this.#words[index]! |= bits
    for (; fresh !== 0; fresh = (fresh & (fresh - 1)) >>> 0) this.#size++
  }

  /** Makes room for a word. */
  #reach(index: number): void {
    if (index < this.#words.length) return
    const grown = new Uint32Array(Math.min(packsMax >>> 5, Math.max(index + 1, this.#words.length * 2)))
    grown.set(this.#words)
    this.#words = grown
  }
}
