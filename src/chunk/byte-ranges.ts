// Which bytes of one chunk there are: ranges that touch are one, and what comes twice counts once.

export class ByteRanges {
  /** Where each range begins and ends, ascending; no two of them touch. */
  readonly #edges: number[] = []
  /** How many bytes there are. */
  bytes = 0

  add(offset: number, length: number): void {
    if (length === 0) return
    let [start, end] = [offset, offset + length]
    // Of each pair the first that reaches `start`, and the first that begins beyond `end`.
    const from = this.#firstPair((index) => this.#edges[index + 1]! >= start)
    const to = this.#firstPair((index) => this.#edges[index]! > end)
    for (let index = from; index < to; index += 2) {
      this.bytes -= this.#edges[index + 1]! - this.#edges[index]!
      start = Math.min(start, this.#edges[index]!)
      end = Math.max(end, this.#edges[index + 1]!)
    }
    this.#edges.splice(from, to - from, start, end)
    this.bytes += end - start
  }

  #firstPair(isIt: (index: number) => boolean): number {
    let low = 0
    let high = this.#edges.length / 2
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isIt(2 * middle)) high = middle
      else low = middle + 1
    }
    return 2 * low
  }
}
