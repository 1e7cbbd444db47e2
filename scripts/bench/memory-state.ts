// State that costs the disk nothing: a source of the same random bytes again and again, and a sink that drops what it gets.
// What is measured with them is Heirloom's own part of a handoff.

import { randomBytes } from 'node:crypto'
import { delay, systemClock } from '../../src/clock.ts'
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

/** Small chunks that go last, unless somebody demands them. */
export const demandedChunks = 1024
const demandedChunkBytes = 16 * 1024

export function demandedName(index: number): string {
  return `demanded ${index}`
}

/** A source of `count` chunks of 1 MiB, which with `holdMs` are read only after that, and of the small ones. */
export function createMemorySource(count: number, content: 'random' | 'json' | readonly Uint8Array[] = 'random', holdMs = 0): Source {
  let held = holdMs
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
      if (holdMs === 0) return
      yield Array.from({ length: demandedChunks }, (_, index): Chunk => {
        return { id: demandedName(index), kind: 'data', bytes: demandedChunkBytes }
      })
    },
    async *read(chunks) {
      for (const chunk of chunks) {
        const isSmall = chunk.bytes === demandedChunkBytes
        const bytes = isSmall ? bodies[0]!.subarray(0, demandedChunkBytes) : bodyOf(chunk)
        if (!isSmall && held > 0) await delay(systemClock, held).finally(() => (held = 0))
        yield [{ chunk, offset: 0, chunkBytes: bytes.byteLength, bytes }]
      }
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
      onBytes(fragments.reduce((sum, fragment) => sum + fragment.bytes.byteLength, 0))
      return { unfinished: [], refused: [] }
    },
    async recall() {},
    async finish() {
      return {}
    },
    async [Symbol.asyncDispose]() {},
  }
}
