// How fast bytes pass, from the first time that some did to the last.

/** Processor time is asked for this often: asking takes some itself. */
const cpuEveryMs = 5

export class Meter {
  #bytes = 0
  #firstBytes = 0
  #firstMs: number | undefined
  #lastMs = 0
  #firstCpuMs = 0
  /** The last time that it was asked for: what it was, and when, and how many bytes had come. */
  #lastCpu = { ms: 0, atMs: -Infinity, bytes: 0 }

  add(bytes: number): void {
    this.#lastMs = performance.now()
    this.#bytes += bytes
    if (this.#lastMs - this.#lastCpu.atMs >= cpuEveryMs) this.#lastCpu = { ms: cpuMs(), atMs: this.#lastMs, bytes: this.#bytes }
    if (this.#firstMs !== undefined) return
    this.#firstMs = this.#lastMs
    this.#firstCpuMs = this.#lastCpu.ms
    // They came before the clock ran.
    this.#firstBytes = bytes
  }

  /** Processor time of all threads of this process; 0 when nothing came after the first bytes. */
  get cpuMsPerMebibyte(): number {
    const mebibytes = (this.#lastCpu.bytes - this.#firstBytes) / (1024 * 1024)
    return mebibytes <= 0 ? 0 : (this.#lastCpu.ms - this.#firstCpuMs) / mebibytes
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

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
