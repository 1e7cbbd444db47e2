// One target under one seed: makes inputs, gives them to it, and keeps those that were answered as none before.
//
// Invariant: what the target is given depends on the seed, the samples and the corpus alone.

import { readCorpus } from './corpus.ts'
import { mutate } from './mutate.ts'
import { Draw } from './random.ts'
import { answerOf, type Answer, type Target } from './target.ts'

/** Inputs of one target that are kept to be mutated further, on top of samples and corpus. */
const keptMax = 400

const usualBytesMax = 4096

/** An input that takes longer than this and did again is a finding: nobody may cost us so much with so little. */
const slowMs = 1_000

export interface Finding {
  readonly target: string
  readonly seed: number
  /** Which input of this seed it was; −1: one of the samples or of the corpus. */
  readonly index: number
  readonly input: Uint8Array
  readonly what: string
}

export class Fuzzer {
  readonly target: Target
  readonly seed: number
  readonly #draw: Draw
  readonly #sources: Uint8Array[]
  readonly #answers = new Set<Answer>()
  /** Inputs that were answered as none before. */
  readonly kept: Uint8Array[] = []
  /** Told before each input, for whoever watches for a hang. */
  readonly #onInput: (input: Uint8Array) => void
  #index = 0

  constructor(target: Target, seed: number, onInput: (input: Uint8Array) => void = () => {}) {
    this.target = target
    this.seed = seed
    this.#onInput = onInput
    this.#draw = new Draw(seed)
    this.#sources = [...target.samples(), ...readCorpus(target.name)]
  }

  /** How many different answers there were. */
  get answers(): number {
    return this.#answers.size
  }

  /** Samples and corpus, as they are. */
  async replay(): Promise<Finding | undefined> {
    for (const input of this.#sources) {
      const finding = await this.#try(input, -1)
      if (finding !== undefined) return finding
    }
    return undefined
  }

  /** So many new inputs. */
  async run(count: number): Promise<Finding | undefined> {
    const { shape, bytesMax = usualBytesMax } = this.target
    for (let left = count; left > 0; left--) {
      const input = mutate(shape, this.#sources, this.#draw, bytesMax)
      const finding = await this.#try(input, this.#index++)
      if (finding !== undefined) return finding
    }
    return undefined
  }

  async #try(input: Uint8Array, index: number): Promise<Finding | undefined> {
    this.#onInput(input)
    try {
      const beforeMs = performance.now()
      const given = answerOf(this.target, input)
      const answer = given instanceof Promise ? await given : given
      if (performance.now() - beforeMs > slowMs) await this.#checkSlow(input)
      if (!this.#answers.has(answer)) this.#keep(answer, input, index)
      return undefined
    } catch (thrown) {
      const what = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
      return { target: this.target.name, seed: this.seed, index, input, what }
    }
  }

  #keep(answer: Answer, input: Uint8Array, index: number): void {
    this.#answers.add(answer)
    if (index < 0 || this.kept.length >= keptMax) return
    this.kept.push(input)
    this.#sources.push(input)
  }

  /** The machine may have been busy: only what takes the processor so long is slow. What waits for ever is noticed from outside. */
  async #checkSlow(input: Uint8Array): Promise<void> {
    const before = process.threadCpuUsage()
    await answerOf(this.target, input)
    const { user, system } = process.threadCpuUsage(before)
    const tookMs = (user + system) / 1000
    if (tookMs > slowMs) throw new Error(`this input takes ${tookMs.toFixed(0)} ms`)
  }
}
