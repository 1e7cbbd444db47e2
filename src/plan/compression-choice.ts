// Whether packs are compressed: as long as that moves the state faster. Without it the state goes at the link's rate; with it at the
// compressor's, or at the link's divided by what is left of a byte, whichever is less.
//
// What the link moves is its rate only while packs wait for it. A compressor that is slower than the link leaves nothing to wait: then, now and then,
// packs go as they are until it has been seen how fast that is.

import type { Clock } from '../clock.ts'
import {
  compressionGainMin,
  compressionTrialMs,
  compressionTrialPacks,
  linkRateSampleMs,
  linkTrialAfterPacks,
  linkTrialPacksMax,
} from '../limits/plan.ts'

/** `whole`: the pack is compressed; `sample`: it goes as it is, and a part of it is tried beside it; `none`: it goes as it is. */
export type Compression = 'whole' | 'sample' | 'none'

interface Experience {
  /** What is left of a byte. */
  share: number
  bytesPerSecond: number
}

/** What was compressed, and how long it took. */
export interface Compressed {
  readonly plainBytes: number
  readonly compressedBytes: number
  readonly tookMs: number
  readonly isSample: boolean
}

/** How much the latest measurement counts. */
const newest = 0.5

/** What a compressor does until one has been measured: zstd 1 on a slow core. */
const assumedBytesPerSecond = 200e6

export class CompressionChoice {
  readonly #clock: Clock
  /** By source: what shrinks and what doesn't is seldom in one. */
  readonly #experiences = new Map<number, Experience>()
  /** By source: packs that went as they are since the last trial, and when that was. */
  readonly #untried = new Map<number, { packs: number; sinceMs: number }>()
  #linkBytesPerSecond: number
  /** Since when packs have waited for the link, and what it has moved meanwhile. */
  #waitingSinceMs: number | undefined
  #movedBytes = 0
  /** Packs since the link's rate was last seen. */
  #packsUnseen = 0
  #isCompressing = false

  /** The rate is an assumption, good until it was measured. */
  constructor(clock: Clock, linkBytesPerSecond: number) {
    this.#clock = clock
    this.#linkBytesPerSecond = linkBytesPerSecond
  }

  /** Sealed bytes have arrived; so many packs wait for the link, and so many are on it. */
  moved(bytes: number, { waiting, flying }: { waiting: number; flying: number }): void {
    const nowMs = this.#clock.monotonicMs()
    const isWaiting = waiting > 0 || (!this.#isCompressing && flying > 0)
    if (!isWaiting || this.#waitingSinceMs === undefined) return this.#begin(isWaiting ? nowMs : undefined)
    this.#movedBytes += bytes
    const tookMs = nowMs - this.#waitingSinceMs
    if (tookMs < linkRateSampleMs) return
    this.#linkBytesPerSecond = (this.#movedBytes / tookMs) * 1000
    this.#packsUnseen = 0
    this.#begin(nowMs)
  }

  /** A pack of this source, or a sample of one, was compressed. What a sample takes says only that it isn't slower: the first ones start threads. */
  compressed(source: number, { plainBytes, compressedBytes, tookMs, isSample }: Compressed): void {
    const measured = compressedBytes / plainBytes
    // A clock that has not moved says that it was quick.
    const measuredBytesPerSecond = (plainBytes / Math.max(tookMs, 0.01)) * 1000
    const { share, bytesPerSecond } = this.#experiences.get(source) ?? { share: measured, bytesPerSecond: assumedBytesPerSecond }
    this.#experiences.set(source, {
      share: share + newest * (measured - share),
      bytesPerSecond: isSample
        ? Math.max(bytesPerSecond, measuredBytesPerSecond)
        : bytesPerSecond + newest * (measuredBytesPerSecond - bytesPerSecond),
    })
  }

  /** How the next pack of a source goes. */
  next(source: number): Compression {
    this.#packsUnseen = this.#packsUnseen < linkTrialAfterPacks + linkTrialPacksMax ? this.#packsUnseen + 1 : 1
    this.#isCompressing = this.#isWorthIt(source) && this.#packsUnseen <= linkTrialAfterPacks
    if (this.#isCompressing) return 'whole'
    return this.#isTrial(source) ? 'sample' : 'none'
  }

  #isTrial(source: number): boolean {
    const nowMs = this.#clock.monotonicMs()
    const untried = this.#untried.get(source)
    if (untried === undefined || (untried.packs >= compressionTrialPacks && nowMs >= untried.sinceMs + compressionTrialMs)) {
      this.#untried.set(source, { packs: 1, sinceMs: nowMs })
      return true
    }
    untried.packs++
    return false
  }

  #isWorthIt(source: number): boolean {
    const experience = this.#experiences.get(source)
    if (experience === undefined) return false
    const { share, bytesPerSecond } = experience
    return Math.min(bytesPerSecond, this.#linkBytesPerSecond / share) > compressionGainMin * this.#linkBytesPerSecond
  }

  #begin(sinceMs: number | undefined): void {
    this.#waitingSinceMs = sinceMs
    this.#movedBytes = 0
  }
}
