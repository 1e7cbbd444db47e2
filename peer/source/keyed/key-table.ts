// What is known of the keys of one database, in columns: their names side by side in one buffer, how hot each is, how large. A key takes some 30
// bytes beside its name, where an object of its own would take three hundred.
// Rows are numbered as they were added and never removed: a table without the keys that are gone is made by `kept`.

import { keysKnownMax } from '../../../src/limits/keyed.ts'

const firstRows = 1024

export class KeyTable {
  /** All names, one after the other. Another buffer when the table grows. */
  names: Buffer
  #starts: Uint32Array
  /** How hot: by the source's own measure. */
  scores: Uint32Array
  /** About how large, name and value. */
  bytes: Uint32Array
  /** The source's own marks. */
  marks: Uint8Array
  /** Which part of a divided state it is in, plus 1; 0 where that wasn't learned. */
  parts: Uint8Array
  /** Row + 1 by the name's hash, 0 where there is none. */
  #slots: Int32Array
  #rows = 0

  /** With room for so many rows; it grows beyond that. */
  constructor(rows = firstRows) {
    const room = Math.max(firstRows, Math.min(rows, keysKnownMax))
    this.names = Buffer.allocUnsafe(32 * room)
    this.#starts = new Uint32Array(room + 1)
    this.scores = new Uint32Array(room)
    this.bytes = new Uint32Array(room)
    this.marks = new Uint8Array(room)
    this.parts = new Uint8Array(room)
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * room + 2)))
  }

  get rows(): number {
    return this.#rows
  }

  /** The row of a name that lies in `source` from `start` to `end`, or -1. */
  find(source: Uint8Array, start: number, end: number): number {
    return this.#slots[this.#slotOf(source, start, end)]! - 1
  }

  /** Adds a name that isn't there yet; answers its row, or -1 when the table is full. */
  add(source: Uint8Array, start: number, end: number): number {
    const at = this.#starts[this.#rows]!
    const length = end - start
    if (at + length > 0xffff_ffff) return -1
    if (this.#rows === this.scores.length) this.#growRows()
    if (at + length > this.names.length) this.#growNames(at + length)
    this.names.set(source.subarray(start, end), at)
    const row = this.#rows++
    this.#starts[this.#rows] = at + length
    this.#slots[this.#slotOf(source, start, end)] = row + 1
    if (2 * this.#rows > this.#slots.length) this.#growSlots()
    return row
  }

  /** Where the name begins and ends in `names`. */
  start(row: number): number {
    return this.#starts[row]!
  }

  end(row: number): number {
    return this.#starts[row + 1]!
  }

  nameBytes(row: number): number {
    return this.#starts[row + 1]! - this.#starts[row]!
  }

  /** A view: it holds until the next key is added. */
  name(row: number): Buffer {
    return this.names.subarray(this.#starts[row], this.#starts[row + 1])
  }

  /** The same without some of its rows. */
  kept(isKept: (row: number) => boolean): KeyTable {
    const next = new KeyTable(this.#rows)
    for (let row = 0; row < this.#rows; row++) {
      if (!isKept(row)) continue
      const added = next.add(this.names, this.#starts[row]!, this.#starts[row + 1]!)
      next.scores[added] = this.scores[row]!
      next.bytes[added] = this.bytes[row]!
      next.marks[added] = this.marks[row]!
      next.parts[added] = this.parts[row]!
    }
    return next
  }

  /** The slot that the name is in, or the one that it would go into. */
  #slotOf(source: Uint8Array, start: number, end: number): number {
    const mask = this.#slots.length - 1
    let slot = hashOf(source, start, end) & mask
    for (;;) {
      const row = this.#slots[slot]! - 1
      if (row < 0 || this.#isName(row, source, start, end)) return slot
      slot = (slot + 1) & mask
    }
  }

  #isName(row: number, source: Uint8Array, start: number, end: number): boolean {
    const at = this.#starts[row]!
    if (this.#starts[row + 1]! - at !== end - start) return false
    const names = this.names
    // Names differ at their end, mostly.
    for (let index = end - start - 1; index >= 0; index--) if (names[at + index] !== source[start + index]) return false
    return true
  }

  #growRows(): void {
    const room = 2 * this.scores.length
    this.scores = larger(this.scores, new Uint32Array(room))
    this.bytes = larger(this.bytes, new Uint32Array(room))
    this.marks = larger(this.marks, new Uint8Array(room))
    this.parts = larger(this.parts, new Uint8Array(room))
    this.#starts = larger(this.#starts, new Uint32Array(room + 1))
  }

  #growNames(least: number): void {
    this.names = larger(this.names, Buffer.allocUnsafe(Math.max(least, Math.min(2 * this.names.length, 0xffff_ffff))))
  }

  #growSlots(): void {
    this.#slots = new Int32Array(2 * this.#slots.length)
    for (let row = 0; row < this.#rows; row++) {
      this.#slots[this.#slotOf(this.names, this.#starts[row]!, this.#starts[row + 1]!)] = row + 1
    }
  }
}

function larger<Column extends Uint8Array | Uint32Array>(from: Column, to: Column): Column {
  to.set(from)
  return to
}

/** FNV-1a, and its high bits folded into the low ones, which are used. */
function hashOf(source: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ source[at]!, 0x01000193)
  return hash ^ (hash >>> 15)
}
