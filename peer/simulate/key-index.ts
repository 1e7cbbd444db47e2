// The keys of a trace as dense numbers from 0 on, in the order of their first use. Whole numbers, which most traces have, go into a
// table of typed arrays that costs 12 bytes a place and no garbage; other keys into a map.

/** 3 MiB: a small trace never outgrows it, a large one only a few times. */
const placesFirst = 1 << 18

export class KeyIndex {
  #size = 0
  /** By place: the key, and its number + 1; 0 is an empty place. */
  #keys = new Float64Array(placesFirst)
  #numbers = new Uint32Array(placesFirst)
  #held = 0
  readonly #texts = new Map<string, number>()

  /** How many different keys there have been. */
  get size(): number {
    return this.#size
  }

  ofNumber(key: number): number {
    const mask = this.#keys.length - 1
    let place = placeOf(key) & mask
    for (;;) {
      const number = this.#numbers[place]!
      if (number === 0) break
      if (this.#keys[place] === key) return number - 1
      place = (place + 1) & mask
    }
    this.#keys[place] = key
    this.#numbers[place] = ++this.#size
    if (++this.#held * 2 > mask) this.#grow()
    return this.#size - 1
  }

  ofText(key: string): number {
    const known = this.#texts.get(key)
    if (known !== undefined) return known
    this.#texts.set(key, this.#size)
    return this.#size++
  }

  /** The numbers that `wanted` has by number, in the order of their keys: whole numbers by value, then texts by their code units. */
  inKeyOrder(wanted: Uint8Array): Uint32Array {
    const keys: number[] = []
    for (let place = 0; place < this.#numbers.length; place++) {
      const number = this.#numbers[place]!
      if (number !== 0 && wanted[number - 1] === 1) keys.push(this.#keys[place]!)
    }
    const texts = [...this.#texts].filter(([, number]) => wanted[number] === 1).sort(([a], [b]) => (a < b ? -1 : 1))
    return Uint32Array.from([...Float64Array.from(keys).sort()].map((key) => this.ofNumber(key)).concat(texts.map(([, number]) => number)))
  }

  #grow(): void {
    const [keys, numbers] = [this.#keys, this.#numbers]
    this.#keys = new Float64Array(keys.length * 2)
    this.#numbers = new Uint32Array(keys.length * 2)
    const mask = this.#keys.length - 1
    for (let old = 0; old < keys.length; old++) {
      if (numbers[old] === 0) continue
      let place = placeOf(keys[old]!) & mask
      while (this.#numbers[place] !== 0) place = (place + 1) & mask
      this.#keys[place] = keys[old]!
      this.#numbers[place] = numbers[old]!
    }
  }
}

/** Neighbouring keys go to neighbouring places: traces are full of runs, and a run then stays in the processor's cache. */
function placeOf(key: number): number {
  const low = key >>> 0
  const high = (key - low) / 2 ** 32
  const run = Math.imul((low >>> 4) ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1)
  return (((run ^ (run >>> 15)) << 4) | (low & 15)) >>> 0
}
