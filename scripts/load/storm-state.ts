// The state of one predecessor in a storm: metadata, and far more data than can go, whose chunks are worth as differently as the pages of a cache are. It
// is made of the same random bytes again and again, farther apart than a compressor looks back, so that it costs neither a disk nor memory.

import type { Chunk } from '../../src/chunk/chunk.ts'
import type { Source } from '../../peer/source/source.ts'
import { mebibyte, randomBodies } from '../bench/memory-state.ts'

const metadataChunkBytes = 64 * 1024
const dataChunkBytes = 256 * 1024

/** Of the n-th most popular chunk: Zipf's law, with the exponent of caches. */
const popularity = (rank: number) => 1 / (rank + 1) ** 0.99

const batchChunks = 256

/** Two sources, so that a receipt tells of each: `tables`, all metadata, and `pages`, listed in an order that says nothing. */
export function stormSources({ metadataBytes, dataBytes }: { metadataBytes: number; dataBytes: number }): Source[] {
  const tables = Array.from({ length: Math.ceil(metadataBytes / metadataChunkBytes) }, (_, index): Chunk => {
    return { id: `table ${index}`, kind: 'metadata', bytes: metadataChunkBytes }
  })
  const count = Math.ceil(dataBytes / dataChunkBytes)
  // A stride that has no divisor in common with the count visits every rank once.
  const stride = coprime(Math.floor(count * 0.618), count)
  const pages = Array.from({ length: count }, (_, index): Chunk => {
    const rank = (index * stride) % count
    return { id: `page ${rank}`, kind: 'data', bytes: dataChunkBytes, readProbability: popularity(rank) }
  })
  const bodies = randomBodies()
  return [sourceOf('tables', tables, bodies), sourceOf('pages', pages, bodies)]
}

function sourceOf(name: string, chunks: readonly Chunk[], bodies: readonly Uint8Array[]): Source {
  return {
    name,
    kind: 'memory',
    async warm() {},
    async *inventory() {
      for (let first = 0; first < chunks.length; first += batchChunks) yield chunks.slice(first, first + batchChunks)
    },
    async *read(asked) {
      for (const chunk of asked) {
        const bytes = bytesOf(chunk, bodies)
        yield [{ chunk, offset: 0, chunkBytes: bytes.byteLength, bytes }]
      }
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** Its number stands at the end of its id: what goes in one pack has numbers in a row. */
function bytesOf({ id, bytes = 0 }: Chunk, bodies: readonly Uint8Array[]): Uint8Array {
  const start = Number(id.slice(id.indexOf(' '))) * bytes
  const at = start % mebibyte
  return bodies[Math.floor(start / mebibyte) % bodies.length]!.subarray(at, at + bytes)
}

function coprime(from: number, to: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
  let candidate = Math.max(1, from)
  while (divisor(candidate, to) !== 1) candidate++
  return candidate
}
