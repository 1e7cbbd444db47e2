// One source's share of the pipeline: takes chunks from the plan in order and reads them, a little ahead of the lanes.
// Each source has a feed of its own, so that one that is slow or hangs holds up nobody else.
// Invariant: at most `aheadBytes` and one batch are read and not yet taken.

import { isLeftOut, type Chunk, type ChunkPart } from '../../src/chunk/chunk.ts'
import { asHeirloomError } from '../../src/errors.ts'
import { rankOf } from '../../src/plan/plan-queue.ts'
import type { TakenChunk } from '../../src/plan/line.ts'
import type { Plan } from '../../src/plan/plan.ts'
import type { Clock } from '../../src/clock.ts'
import type { Source } from '../source/source.ts'

/** What is read was taken from the plan. */
type TakenPart = ChunkPart & { readonly chunk: TakenChunk }

export interface FeedOptions {
  readonly index: number
  readonly source: Source
  readonly plan: Plan
  readonly clock: Clock
  /** What is read ahead at most; twice as much for a moment. */
  readonly aheadBytes: number
  /** Called when there is something to take, and when the feed has run dry. */
  readonly onChange: () => void
  /** The source has failed as a whole; what was left of it is left out. */
  readonly onFailed: (error: Error) => void
}

export class Feed {
  readonly index: number
  readonly #options: FeedOptions
  #ready: TakenPart[] = []
  #readyBytes = 0
  #reading = false
  #isReconsidering = false
  #failed = false
  #wake: (() => void) | undefined

  constructor(options: FeedOptions) {
    this.index = options.index
    this.#options = options
  }

  /** The part that comes next, if it has been read. */
  get head(): ChunkPart | undefined {
    return this.#ready[0]
  }

  /** Whether nothing is read, being read, or known to be left. */
  get dry(): boolean {
    return this.#ready.length === 0 && !this.#reading && (this.#failed || this.#options.plan.isEmpty(this.index))
  }

  /** Whether it has nothing for a pack, nor will have by what is known: neither bytes nor references. */
  get isDone(): boolean {
    return this.dry && !this.#options.plan.hasReferences(this.index)
  }

  shift(): ChunkPart {
    const part = this.#ready.shift()!
    this.#readyBytes -= part.bytes.byteLength
    this.#wake?.()
    return part
  }

  /** Takes a chunk that waits here out of its turn; undefined when it doesn't, or when parts of it have gone. */
  takeOut(id: string): ChunkPart[] | undefined {
    const parts = this.#ready.filter(({ chunk }) => chunk.id === id)
    const bytes = parts.reduce((sum, part) => sum + part.bytes.byteLength, 0)
    if (parts.length === 0 || bytes < parts[0]!.chunkBytes) return undefined
    this.#ready = this.#ready.filter(({ chunk }) => chunk.id !== id)
    this.#readyBytes -= bytes
    this.#wake?.()
    return parts
  }

  /** The source has said all: what was read before it had, and has not gone, makes way for what is worth more. It is read again in its turn. */
  reconsider(): void {
    const { plan } = this.#options
    // What is being read just now is looked at when it is here.
    this.#isReconsidering = this.#reading
    const next = this.#failed ? 0 : (plan.nextValue(this.index) ?? 0)
    const makesWay = ({ chunk }: TakenPart) => rankOf(chunk) === 'data' && (chunk.valuePerByte ?? Infinity) < next
    const whole = Map.groupBy(this.#ready.filter(makesWay), ({ chunk }) => chunk)
      .entries()
      .filter(([, parts]) => parts.reduce((sum, { bytes }) => sum + bytes.byteLength, 0) >= parts[0]!.chunkBytes)
      .map(([chunk]) => chunk)
    const back = new Set(whole)
    plan.giveBack(this.index, [...back])
    this.#ready = this.#ready.filter((part) => {
      if (back.has(part.chunk)) this.#readyBytes -= part.bytes.byteLength
      return !back.has(part.chunk)
    })
    this.poke()
  }

  /** The plan has more for this source. */
  poke(): void {
    this.#wake?.()
  }

  /** Reads until the signal ends. Never throws: a failing source costs its own state only. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#wake?.(), { once: true })
    while (!signal.aborted && !this.#failed) {
      if (this.#readyBytes >= this.#options.aheadBytes) {
        await this.#changed()
        continue
      }
      const chunks = this.#options.plan.take(this.index, this.#options.aheadBytes, this.#options.clock.nowMs())
      if (chunks.length === 0) {
        this.#options.onChange()
        await this.#changed()
        continue
      }
      this.#reading = true
      await this.#read(chunks, signal)
      this.#reading = false
      if (this.#isReconsidering) this.reconsider()
      this.#options.onChange()
    }
  }

  async #read(chunks: Chunk[], signal: AbortSignal): Promise<void> {
    const { plan, source, onChange, onFailed } = this.#options
    const seen = new Set<Chunk>()
    try {
      for await (const parts of source.read(chunks, { signal })) {
        for (const part of parts) {
          seen.add(part.chunk)
          if (isLeftOut(part)) plan.leaveOut(this.index, part.chunk, part.leftOut, part.detail)
          else {
            this.#ready.push(part)
            this.#readyBytes += part.bytes.byteLength
          }
        }
        onChange()
        while (this.#readyBytes >= 2 * this.#options.aheadBytes && !signal.aborted) await this.#changed()
      }
    } catch (thrown) {
      if (signal.aborted) return
      this.#failed = true
      const error = asHeirloomError(thrown, 'source-failed')
      for (const chunk of chunks) if (!seen.has(chunk)) plan.leaveOut(this.index, chunk, 'source-failed', error.message)
      for (let rest = plan.take(this.index, Infinity, 0); rest.length > 0; rest = plan.take(this.index, Infinity, 0)) {
        for (const chunk of rest) plan.leaveOut(this.index, chunk, 'source-failed', error.message)
      }
      onFailed(error)
    }
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
    })
  }
}
