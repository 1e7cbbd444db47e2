// What a successor's machine has restored, and the sink that restores it. Files outlive the process; what a sink knows of unfinished chunks
// it must be told again by the journal.

import { delay } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { IncomingFragment, RecalledFragment, RestoreOutcome, Sink, WaitOptions } from '../../peer/source/source.ts'
import type { Process } from './process.ts'
import { contentOf } from './state.ts'

/** The bytes of one handoff that are in place on a machine: by source, chunk and version, the length at each offset. */
export class RestoredState {
  readonly #chunks = new Map<string, Map<number, number>>()
  /** The version in which a chunk was whole last. */
  readonly #versions = new Map<string, number>()
  /** Chunks that are whole, as `source id`. */
  readonly complete = new Set<string>()
  /** Those of them that an heir can know of: what an inheritance placed and did not come to write down, the next one can't. */
  readonly known = new Set<string>()
  readonly #unwritten = new Set<string>()

  place(source: string, { id, version, offset, bytes }: IncomingFragment): void {
    const key = `${source} ${id} ${version}`
    const ranges = this.#chunks.get(key) ?? new Map<number, number>()
    this.#chunks.set(key, ranges.set(offset, bytes.byteLength))
  }

  /** All of a chunk is there, and takes the place of what it was before. */
  completed(source: string, { id, version }: IncomingFragment): void {
    const chunk = `${source} ${id}`
    this.complete.add(chunk)
    if (!this.known.has(chunk)) this.#unwritten.add(chunk)
    this.known.add(chunk)
    this.#versions.set(chunk, Number(version))
  }

  /** The journal has these chunks of a source. */
  written(source: string, ids: readonly string[]): void {
    for (const id of ids) this.#unwritten.delete(`${source} ${id}`)
  }

  /** The inheritance has ended, or its process. */
  ended(): void {
    for (const chunk of this.#unwritten) this.known.delete(chunk)
    this.#unwritten.clear()
  }

  has(source: string, { id, version, offset, length }: RecalledFragment): boolean {
    return this.#chunks.get(`${source} ${id} ${version}`)?.get(offset) === length
  }

  /** Of a chunk that is whole, which is `source id`. */
  version(chunk: string): number | undefined {
    return this.#versions.get(chunk)
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
  /** By chunk and version: the length at each offset. In memory only. */
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
      const ranges = this.#add(fragment, fragment.bytes.byteLength)
      const sum = ranges.values().reduce((total, length) => total + length, 0)
      if (sum < fragment.chunkBytes) unfinished.push(index)
      else {
        // As real ones, which give it its place and forget it.
        this.#progress.delete(keyOf(fragment))
        state.completed(this.name, fragment)
      }
    }
    return { unfinished, refused: [] }
  }

  async recall(fragments: readonly RecalledFragment[]): Promise<void> {
    const { state, watch } = this.#options
    for (const fragment of fragments) {
      this.#add(fragment, fragment.length)
      const { id, offset } = fragment
      if (!state.has(this.name, fragment)) watch.violation('what the journal says is there', `${this.name}: ${id} at ${offset}`)
    }
  }

  finish(): Promise<object> {
    return Promise.resolve({})
  }

  #add(fragment: Pick<IncomingFragment, 'id' | 'version' | 'offset'>, length: number): Map<number, number> {
    const ranges = this.#progress.get(keyOf(fragment)) ?? new Map<number, number>()
    this.#progress.set(keyOf(fragment), ranges.set(fragment.offset, length))
    return ranges
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
  }
}

/** As real ones: pieces of two states of a chunk are never put together. */
function keyOf({ id, version }: Pick<IncomingFragment, 'id' | 'version'>): string {
  return `${id} ${version}`
}
