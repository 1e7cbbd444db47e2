// The sinks of one inheritance, made before there is anything to restore: the thread of a directory takes longer to start than a first
// pack takes to come.

import type { SourceSummary } from '../../src/chunk/pack.ts'
import type { SourceEntry } from '../../src/plan/manifest.ts'
import { createSink } from '../source/create-source.ts'
import type { Sink } from '../source/source.ts'

export class SinkRack implements AsyncDisposable {
  /** Those that something came for. */
  readonly used: Sink[] = []
  readonly #sinks: ReadonlyMap<string, Sink>
  #disposed: Promise<unknown> | undefined

  /** `state` is the peer's own directory. */
  constructor(sources: readonly SourceEntry[], state: string) {
    this.#sinks = new Map(sources.map((entry) => [entry.name, createSink(entry, state)]))
  }

  /** The sink for what a predecessor calls a source, or undefined when this machine has none of that name and kind. */
  sinkOf({ name, kind }: Pick<SourceSummary, 'name' | 'kind'>): Sink | undefined {
    const sink = this.#sinks.get(name)
    if (sink?.kind !== kind) return undefined
    if (!this.used.includes(sink)) this.used.push(sink)
    return sink
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= Promise.all([...this.#sinks.values()].map((sink) => sink[Symbol.asyncDispose]()))
    await this.#disposed
  }
}
