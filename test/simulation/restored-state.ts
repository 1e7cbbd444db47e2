// What a successor's machine has restored, and the sink that restores it. Files outlive the process; what a sink knows of unfinished chunks
// it must be told again by the journal.

import { delay } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { IncomingFragment, RecalledFragment, RestoreOutcome, Sink, WaitOptions } from '../../peer/source/source.ts'
import type { Process } from './process.ts'
import { contentOf } from './state.ts'

/** The bytes of one handoff that are in place on a machine: by source and chunk, the length and the version at each offset. */
export class RestoredState {
  readonly #chunks = new Map<string, Map<number, { length: number; version: number }>>()
  /** Chunks that are whole, as `source id`. */
  readonly complete = new Set<string>()

  place(source: string, { id, offset, bytes, version }: IncomingFragment): void {
    const key = `${source} ${id}`
    const ranges = this.#chunks.get(key) ?? new Map<number, { length: number; version: number }>()
    this.#chunks.set(key, ranges.set(offset, { length: bytes.byteLength, version: Number(version) }))
  }

  has(source: string, id: string, offset: number, length: number): boolean {
    return this.#chunks.get(`${source} ${id}`)?.get(offset)?.length === length
  }

  /** The versions of what is in place of a chunk, which is `source id`. */
  versions(chunk: string): Set<number> {
    return new Set(
      this.#chunks
        .get(chunk)
        ?.values()
        .map(({ version }) => version),
    )
  }
}

export interface SinkWatch {
  /** A restore begins. */
  begins(): void
  /** Bytes arrived that are not those of the chunk, or something was counted on that isn't there. */
  violation(rule: string, detail: string): void
}

export interface SimulatedSinkOptions {
  readonly name: string
  /** Whose state it is. */
  readonly owner: string
  readonly state: RestoredState
  readonly process: Process
  readonly watch: SinkWatch
  /** Ms that one restore takes, at most. */
  readonly restoreMs: number
  /** Probability that a restore ends with a full disk. */
  readonly failure: () => number
}

export class SimulatedSink implements Sink {
  readonly kind = 'app'
  readonly returnsMemory = true
  readonly name: string
  readonly #options: SimulatedSinkOptions
  /** By chunk: the length at each offset. In memory only. */
  readonly #progress = new Map<string, Map<number, number>>()
  #isDisposed = false

  constructor(options: SimulatedSinkOptions) {
    this.name = options.name
    this.#options = options
  }

  async restore(fragments: readonly IncomingFragment[], { signal }: WaitOptions): Promise<RestoreOutcome> {
    const { process, restoreMs, failure, state, owner, watch } = this.#options
    if (process.alive && this.#isDisposed) watch.violation('nothing goes on after the end', `${this.name} restores after it was closed`)
    if (process.alive) watch.begins()
    await delay(process.clock, process.random.next() * restoreMs, signal)
    if (process.random.next() < failure()) throw new HeirloomError('no-space', 'the disk of the application is full')
    const unfinished: number[] = []
    for (const [index, fragment] of fragments.entries()) {
      const content = { owner, source: this.name, id: fragment.id, version: Number(fragment.version) }
      const expected = contentOf(content, fragment.offset, fragment.bytes.byteLength)
      if (Buffer.compare(expected, fragment.bytes) !== 0)
        watch.violation('only what was sealed is restored', `${this.name}: ${fragment.id}`)
      state.place(this.name, fragment)
      const ranges = this.#add(fragment.id, fragment.offset, fragment.bytes.byteLength)
      const sum = ranges.values().reduce((total, length) => total + length, 0)
      if (sum < fragment.chunkBytes) unfinished.push(index)
      else {
        // As real ones, which give it its place and forget it.
        this.#progress.delete(fragment.id)
        state.complete.add(`${this.name} ${fragment.id}`)
      }
    }
    return { unfinished, refused: [] }
  }

  async recall(fragments: readonly RecalledFragment[]): Promise<void> {
    const { state, watch } = this.#options
    for (const { id, offset, length } of fragments) {
      this.#add(id, offset, length)
      if (!state.has(this.name, id, offset, length)) watch.violation('what the journal says is there', `${this.name}: ${id} at ${offset}`)
    }
  }

  finish(): Promise<object> {
    return Promise.resolve({})
  }

  #add(id: string, offset: number, length: number): Map<number, number> {
    const ranges = this.#progress.get(id) ?? new Map<number, number>()
    this.#progress.set(id, ranges.set(offset, length))
    return ranges
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
  }
}
