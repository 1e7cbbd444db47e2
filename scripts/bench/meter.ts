// How fast bytes pass, from the first time that some did to the last.

export class Meter {
  #bytes = 0
  #firstBytes = 0
  #firstMs: number | undefined
  #lastMs = 0

  add(bytes: number): void {
    this.#lastMs = performance.now()
    this.#bytes += bytes
    if (this.#firstMs !== undefined) return
    this.#firstMs = this.#lastMs
    // They came before the clock ran.
    this.#firstBytes = bytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** MB (10⁶ bytes) a second; 0 when nothing came after the first bytes. */
  get megabytesPerSecond(): number {
    const seconds = (this.#lastMs - (this.#firstMs ?? this.#lastMs)) / 1000
    return seconds === 0 ? 0 : (this.#bytes - this.#firstBytes) / 1e6 / seconds
  }
}
