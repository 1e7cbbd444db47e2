// Where each pack of one handoff lies. Invariant: at most 40 bytes a pack, whatever numbers a peer picks: 4 columns of 4 bytes that grow by half,
// and a hash table (open addressing, linear probing) of one word a slot, at most three quarters full.

const firstRows = 8
const firstSlots = 16

export interface PackPlace {
  /** Sequence number of the segment. */
  readonly segment: number
  /** Where the record begins in it. */
  readonly offset: number
  /** Length of the sealed pack in bytes. */
  readonly bytes: number
}

export class PackIndex {
  #rows = 0
  #numbers = new Uint32Array(firstRows)
  #segments = new Uint32Array(firstRows)
  #offsets = new Uint32Array(firstRows)
  #lengths = new Uint32Array(firstRows)
  /** Row + 1 for each slot, 0 where it is free. Its length is a power of two. */
  #slots = new Uint32Array(firstSlots)

  /** What the index itself takes, in bytes. */
  get memoryBytes(): number {
    return 4 * (4 * this.#numbers.length + this.#slots.length)
  }

  get(number: number): PackPlace | undefined {
    const row = this.#slots[this.#slot(number)]! - 1
    if (row < 0) return undefined
    return { segment: this.#segments[row]!, offset: this.#offsets[row]!, bytes: this.#lengths[row]! }
  }

  /** Adds a pack or moves it to a new place. */
  set(number: number, { segment, offset, bytes }: PackPlace): void {
    let row = this.#slots[this.#slot(number)]! - 1
    if (row < 0) {
      row = this.#rows++
      if (row === this.#numbers.length) this.#growColumns()
      if (this.#rows * 4 > this.#slots.length * 3) this.#growSlots(row)
      this.#slots[this.#slot(number)] = row + 1
      this.#numbers[row] = number
    }
    this.#segments[row] = segment
    this.#offsets[row] = offset
    this.#lengths[row] = bytes
  }

  /** The slot that holds `number`, or the free one where it belongs. The numbers of a handoff are dense, so they are their own hash. */
  #slot(number: number): number {
    const mask = this.#slots.length - 1
    let slot = number & mask
    while (this.#slots[slot] !== 0 && this.#numbers[this.#slots[slot]! - 1] !== number) slot = (slot + 1) & mask
    return slot
  }

  #growColumns(): void {
    const length = Math.ceil(this.#numbers.length * 1.5)
    const grown = (column: Uint32Array<ArrayBuffer>) => {
      const copy = new Uint32Array(length)
      copy.set(column)
      return copy
    }
    this.#numbers = grown(this.#numbers)
    this.#segments = grown(this.#segments)
    this.#offsets = grown(this.#offsets)
    this.#lengths = grown(this.#lengths)
  }

  #growSlots(rows: number): void {
    this.#slots = new Uint32Array(this.#slots.length * 2)
    for (let row = 0; row < rows; row++) this.#slots[this.#slot(this.#numbers[row]!)] = row + 1
  }
}
