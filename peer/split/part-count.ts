// How a divided state would fall to its parts, for a dry run: counts what the sources list.

import { expectedBytes } from '../../src/plan/chunk-table.ts'
import type { Source } from '../source/source.ts'
import type { Partition } from './partition.ts'
import { partOfChunk, queryInParts } from './part-sources.ts'

export interface PartCount {
  readonly part: string
  chunks: number
  bytes: number
}

export class PartCounts {
  readonly #partition: Partition
  /** With what is in every part. */
  readonly parts: readonly PartCount[]

  constructor(partition: Partition) {
    this.#partition = partition
    this.parts = partition.parts.map((part) => ({ part, chunks: 0, bytes: 0 }))
  }

  /** The same source, whose inventories are counted. */
  counting(source: Source): Source {
    const partition = this.#partition
    const { parts } = this
    return {
      name: source.name,
      kind: source.kind,
      warm: (options) => source.warm(options),
      async *inventory(query, options) {
        for await (const batch of source.inventory(queryInParts(query, source, partition), options)) {
          for (const chunk of batch) {
            const own = partOfChunk(chunk, source, partition)
            for (const each of own === undefined ? parts : parts.filter(({ part }) => part === own)) {
              each.chunks++
              each.bytes += expectedBytes(chunk)
            }
          }
          yield batch
        }
      },
      read: (chunks, options) => source.read(chunks, options),
      [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
    }
  }
}
