// The sources of a state that is divided into parts, as the handoff of each part sees them: it lists what is in the part, and all metadata. A source is
// asked for its inventory once for all parts.

import { setImmediate } from 'node:timers/promises'
import type { Chunk } from '../../src/chunk/chunk.ts'
import type { InventoryQuery, Source, WaitOptions } from '../source/source.ts'
import type { Partition } from './partition.ts'
import { SharedListing } from './shared-listing.ts'

/** By part, in the order of the partition; each as many sources as there are. They own nothing: disposing them does nothing. */
export function sourcesOfParts(sources: readonly Source[], partition: Partition): readonly (readonly Source[])[] {
  const divided = sources.map((source) => new DividedSource(source, partition))
  return partition.parts.map((_, part) => divided.map((source) => source.of(part)))
}

class DividedSource {
  readonly #source: Source
  readonly #partition: Partition
  readonly #indexes: ReadonlyMap<string, number>
  /** Whoever asks in the same turn of the event loop shares the answer: handoffs that begin together, or that hear of another rate. */
  #gathering: SharedListing | undefined

  constructor(source: Source, partition: Partition) {
    this.#source = source
    this.#partition = partition
    this.#indexes = new Map(partition.parts.map((part, index) => [part, index]))
  }

  of(part: number): Source {
    const { name, kind } = this.#source
    const readers = this.#partition.parts.length
    return {
      name,
      kind,
      warm: (options) => this.#source.warm(options),
      inventory: (query, options) => this.#inventory(part, query, options),
      read: (chunks, options) => this.#source.read(chunks, { ...options, readers }),
      async [Symbol.asyncDispose]() {},
    }
  }

  async *#inventory(part: number, query: InventoryQuery, { signal }: WaitOptions): AsyncGenerator<Chunk[]> {
    yield* (this.#gathering ??= this.#open(query)).take(part, signal)
  }

  #open(query: InventoryQuery): SharedListing {
    const asked = queryInParts(query, this.#source, this.#partition)
    return new SharedListing({
      list: (signal) => this.#source.inventory(asked, { signal }),
      divide: (batch) => this.#divide(batch),
      joined: setImmediate().then(() => void (this.#gathering = undefined)),
    })
  }

  #divide(batch: readonly Chunk[]): Chunk[][] {
    const shares = this.#partition.parts.map((): Chunk[] => [])
    for (const chunk of batch) {
      const part = partOfChunk(chunk, this.#source, this.#partition)
      if (part !== undefined) shares[this.#indexes.get(part)!]!.push(chunk)
      else for (const share of shares) share.push(chunk)
    }
    return shares
  }
}

/** How a source is asked for the inventory of a divided state. */
export function queryInParts(query: InventoryQuery, { name }: Source, { parts, partOf }: Partition): InventoryQuery {
  return { ...query, parts, partOf: (key, group) => partOf({ source: name, key, group }) }
}

/** Undefined: it is in every part. What a source says that is no part counts as not said. */
export function partOfChunk({ id, kind, group, part }: Chunk, { name }: Source, { parts, partOf }: Partition): string | undefined {
  if (part !== undefined && parts.includes(part)) return part
  return kind === 'metadata' ? undefined : partOf({ source: name, key: id, group })
}
