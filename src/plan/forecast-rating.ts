// How good an order is: the share of the reads to come that its best items get, against the most that any order could get.

/** Shares of the items that are looked at, as budgets of a handoff are. */
const budgets = [0.05, 0.1, 0.25, 0.5] as const

/** Scores are told apart by the leading bits of a 32-bit float, to 0.4 %: it spares a sort, and ties get what they get on average. */
const shift = 15
const buckets = 1 << (32 - shift - 1)

export class OrderRating {
  readonly #reads: Float64Array
  readonly #best: readonly number[]
  readonly #size = new Float64Array(buckets)
  readonly #hits = new Float64Array(buckets)

  /** `reads`: by item, how often it was read in the time that counts. */
  constructor(reads: Float64Array) {
    this.#reads = reads
    this.#best = this.#curve(reads)
  }

  /** 0 to 1, 1 when there is nothing to get. `scores` by item, none below 0. */
  rate(scores: Float64Array): number {
    const got = this.#curve(scores)
    return got.reduce((all, hits, at) => all + (this.#best[at]! > 0 ? hits / this.#best[at]! : 1), 0) / got.length
  }

  /** The reads that each budget's best items by `scores` get. */
  #curve(scores: Float64Array): number[] {
    const [size, hits] = [this.#size.fill(0), this.#hits.fill(0)]
    const floats = Float32Array.from(scores)
    const keys = new Uint32Array(floats.buffer)
    for (let item = 0; item < keys.length; item++) {
      const bucket = keys[item]! >>> shift
      size[bucket]!++
      hits[bucket]! += this.#reads[item]!
    }
    const got: number[] = []
    let [seen, sum, bucket] = [0, 0, buckets - 1]
    for (const budget of budgets) {
      const wanted = Math.round(budget * keys.length)
      while (bucket > 0 && seen + size[bucket]! <= wanted) {
        seen += size[bucket]!
        sum += hits[bucket]!
        bucket--
      }
      got.push(sum + (size[bucket]! > 0 ? (hits[bucket]! * (wanted - seen)) / size[bucket]! : 0))
    }
    return got
  }
}
