// Keys, and a load that reads some of them far more often than others: the n-th most popular with a probability of 1/n^0.99. Which keys are popular has
// nothing to do with their names or sizes.

const exponent = 0.99

export const keyOf = (index: number): string => `product:${String(index).padStart(9, '0')}`

/** From 100 to 1000 bytes. */
export const valueBytesOf = (index: number): number => 100 + ((index * 2_654_435_761) % 901)

export class ZipfKeys {
  readonly #count: number
  readonly #random: () => number
  /** By rank: what all up to it are read, of 1. */
  readonly #cumulated: Float64Array
  /** By rank: the key. */
  readonly #keys: Uint32Array

  constructor(count: number, random: () => number) {
    this.#count = count
    this.#random = random
    this.#cumulated = new Float64Array(count)
    this.#keys = Uint32Array.from({ length: count }, (_, index) => index)
    let sum = 0
    for (let rank = 0; rank < count; rank++) this.#cumulated[rank] = sum += 1 / (rank + 1) ** exponent
    for (let rank = 0; rank < count; rank++) this.#cumulated[rank]! /= sum
    for (let rank = count - 1; rank > 0; rank--) {
      const other = Math.floor(random() * (rank + 1))
      ;[this.#keys[rank], this.#keys[other]] = [this.#keys[other]!, this.#keys[rank]!]
    }
  }

  /** The key of the next read. */
  draw(): string {
    const wanted = this.#random()
    let [low, high] = [0, this.#count - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#cumulated[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return keyOf(this.#keys[low]!)
  }
}
