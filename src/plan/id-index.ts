// Finds the rows of a table by their ids: 8 bytes a row, where a Map of texts would take a hundred. It keeps no ids; whoever asks compares the
// rows' own.

/** Slots for each row: fewer would make the search long. */
const roominess = 2
const firstSlots = 1024

export class IdIndex {
  /** Of each slot the row and one, 0 when it is free; a row is in the first free slot from where its id's hash points. */
  #slots = new Uint32Array(firstSlots)
  readonly #idOf: (row: number) => string
  #rows = 0

  constructor(idOf: (row: number) => string) {
    this.#idOf = idOf
  }

  /** How many rows it has: they are added in their order. */
  get rows(): number {
    return this.#rows
  }

  /** Adds the rows up to `end` that it doesn't have yet. */
  extend(end: number): void {
    while (this.#rows < end) {
      if (roominess * (this.#rows + 1) > this.#slots.length) this.#grow(end)
      this.#place(this.#rows++)
    }
  }

  /** The rows with this id, in their order. */
  *find(id: string): Generator<number> {
    const mask = this.#slots.length - 1
    for (let slot = hash(id) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]! - 1
      if (this.#idOf(row) === id) yield row
    }
  }

  #place(row: number): void {
    const mask = this.#slots.length - 1
    let slot = hash(this.#idOf(row)) & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = row + 1
  }

  #grow(rows: number): void {
    let slots = this.#slots.length
    while (slots < roominess * (rows + 1)) slots *= 2
    this.#slots = new Uint32Array(slots)
    for (let row = 0; row < this.#rows; row++) this.#place(row)
  }
}

/** FNV-1a over UTF-16 units, with a last mix so that the low bits depend on all. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return (value ^ (value >>> 15)) >>> 0
}
