// Compresses packs when that moves the state faster, beside the event loop: the next pack is compressed while others are on their way.

import type { Clock } from '../../src/clock.ts'
import { compressionSampleBytes } from '../../src/limits/plan.ts'
import { packBytesMax } from '../../src/limits/wire.ts'
import { CompressionChoice } from '../../src/plan/compression-choice.ts'
import { compressPlain, type Compress } from '../../src/seal/compression.ts'
import { Scratch } from '../../src/seal/scratch.ts'
import { budgetOf, type HandoffOptions } from './options.ts'

/** Smaller packs go as they are: the way to a thread and back costs more. */
const worthBytes = 1024

export interface PackCompressorOptions {
  readonly clock: Clock
  readonly compress: Compress
  /** Of the link, as far as it is known at the notice. */
  readonly bytesPerSecond: number
}

/** Of sealed packs: the bytes that have arrived in all, how many packs wait for a lane, and how many are in flight. */
export interface MovedPacks {
  readonly movedBytes: number
  readonly queuedPacks: number
  readonly flyingPacks: number
}

/** For one handoff; undefined when its packs are to go as they are. */
export function compressorOf(options: HandoffOptions): PackCompressor | undefined {
  const { clock, compress = compressPlain } = options
  return compress === 'never' ? undefined : new PackCompressor({ clock, compress, bytesPerSecond: budgetOf(options).rateBytesPerSecond })
}

export class PackCompressor {
  readonly #clock: Clock
  readonly #compress: Compress
  readonly #choice: CompressionChoice
  readonly #scratch = new Scratch()
  #movedBytes = 0
  #sampling: Promise<unknown> | undefined

  constructor({ clock, compress, bytesPerSecond }: PackCompressorOptions) {
    this.#clock = clock
    this.#compress = compress
    this.#choice = new CompressionChoice(clock, bytesPerSecond)
  }

  moved({ movedBytes, queuedPacks, flyingPacks }: MovedPacks): void {
    this.#choice.moved(movedBytes - this.#movedBytes, { waiting: queuedPacks, flying: flyingPacks })
    this.#movedBytes = movedBytes
  }

  /** The content compressed, or undefined when it is to go as it is. The pieces mustn't change until then. One call at a time. Never throws. */
  async shrink(source: number, pieces: readonly Uint8Array[]): Promise<Uint8Array | undefined> {
    const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
    // What is too large for a pack is for the sealer to refuse.
    if (bytes < worthBytes || bytes > packBytesMax) return undefined
    await this.#sampling
    const how = this.#choice.next(source)
    if (how === 'whole') return this.#measured(source, this.#scratch.join(pieces), false)
    // This pack doesn't wait for it, the next one does.
    this.#sampling = how === 'sample' ? this.#measured(source, firstBytes(pieces), true) : undefined
    return undefined
  }

  async #measured(source: number, plain: Uint8Array, isSample: boolean): Promise<Uint8Array | undefined> {
    const startedMs = this.#clock.monotonicMs()
    // A machine that is out of memory for it has none to compress with: the state goes as it is.
    const compressed = await this.#compress(plain).catch(() => undefined)
    const tookMs = this.#clock.monotonicMs() - startedMs
    const plainBytes = plain.byteLength
    this.#choice.compressed(source, { plainBytes, compressedBytes: compressed?.byteLength ?? plainBytes, tookMs, isSample })
    return compressed
  }
}

/** A copy of what a pack begins with. */
function firstBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const sample = new Uint8Array(compressionSampleBytes)
  let at = 0
  for (const piece of pieces) {
    const part = piece.subarray(0, sample.byteLength - at)
    sample.set(part, at)
    at += part.byteLength
  }
  return sample.subarray(0, at)
}
