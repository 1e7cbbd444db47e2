// A set of chunks: 8 to 16 bytes each, since there may be millions.

/** Of the slots so many are taken at most: beyond it the search would be long. */
const fullest = 0.6

const firstSlots = 1024

export class KeySet {
  /** Keys of 53 bits, 0 where there is none: of a million chunks two of one key are one chance in ten thousand. */
  #slots = new Float64Array(firstSlots)
  #size = 0

  has(key: number): boolean {
    return this.#slots[this.#slotOf(key)] !== 0
  }

  /** Answers whether it was not there yet. */
  add(key: number): boolean {
    if (this.#size + 1 > fullest * this.#slots.length) this.#grow()
    const slot = this.#slotOf(key)
    if (this.#slots[slot] !== 0) return false
    this.#slots[slot] = key
    this.#size++
    return true
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Float64Array(2 * old.length)
    for (const key of old) if (key !== 0) this.#slots[this.#slotOf(key)] = key
  }

  /** Where a key is, or would be. */
  #slotOf(key: number): number {
    const mask = this.#slots.length - 1
    let slot = (key % 0x1_0000_0000) & mask
    while (this.#slots[slot] !== 0 && this.#slots[slot] !== key) slot = (slot + 1) & mask
    return slot
  }
}

/** Two FNV-1a hashes over UTF-16 units side by side; never 0. */
export function keyOf(source: number, id: string): number {
  let low = 0x811c9dc5 ^ source
  let high = 0x01000193 ^ (source << 8)
  for (let at = 0; at < id.length; at++) {
    const unit = id.charCodeAt(at)
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul(high ^ unit, 0x5bd1e995)
  }
  high ^= high >>> 13
  low ^= low >>> 15
  return (high & 0x1f_ffff) * 0x1_0000_0000 + (low >>> 0) || 1
}
