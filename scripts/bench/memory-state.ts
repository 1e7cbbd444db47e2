// State that costs the disk nothing: a source of the same random bytes again and again, and a sink that drops what it gets.
// What is measured with them is Heirloom's own part of a handoff.

import { randomBytes } from 'node:crypto'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { jsonLines } from './tree.ts'
import type { IncomingFragment, Sink, Source } from '../../peer/source/source.ts'

export const mebibyte = 1024 * 1024

/** Different chunks in a row: more than a compressor looks back, few enough to be no part of the memory that counts. */
const differentChunks = 16

const batchChunks = 256

/** Both sides must say the same kind and name. */
const kind = 'memory'
const name = 'memory'

/** Random bytes that nothing compresses, a MiB each, made once. */
export function randomBodies(): Uint8Array[] {
  return Array.from({ length: differentChunks }, () => new Uint8Array(randomBytes(mebibyte)))
}

/** Lines of JSON, a MiB each: a compressor makes a quarter of them. */
function jsonBodies(): Uint8Array[] {
  return Array.from({ length: differentChunks }, (_, body) => jsonLines(mebibyte, `session:${body}`))
}

/** A source of `count` chunks of 1 MiB. */
export function createMemorySource(count: number, content: 'random' | 'json' | readonly Uint8Array[] = 'random'): Source {
  const bodies = content === 'json' ? jsonBodies() : content === 'random' ? randomBodies() : content
  const bodyOf = (chunk: Chunk) => bodies[Number(chunk.id) % differentChunks]!
  return {
    name,
    kind,
    async warm() {},
    async *inventory() {
      for (let first = 0; first < count; first += batchChunks) {
        yield Array.from({ length: Math.min(batchChunks, count - first) }, (_, index): Chunk => {
          return { id: String(first + index), kind: 'data', bytes: mebibyte }
        })
      }
    },
    async *read(chunks) {
      for (const chunk of chunks) yield [{ chunk, offset: 0, chunkBytes: mebibyte, bytes: bodyOf(chunk) }]
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** A sink that drops everything and tells `onBytes` how much it was. */
export function createDroppingSink(onBytes: (bytes: number) => void): Sink {
  return {
    name,
    kind,
    returnsMemory: true,
    async restore(fragments: readonly IncomingFragment[]) {
      const bytes = fragments.reduce((sum, fragment) => sum + fragment.bytes.byteLength, 0)
      onBytes(bytes)
      return { chunks: fragments.length, bytes, unfinished: [], refused: [] }
    },
    async recall() {},
    async finish() {
      return { dropped: 0 }
    },
    async [Symbol.asyncDispose]() {},
  }
}
