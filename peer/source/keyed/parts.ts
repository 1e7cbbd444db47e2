// Records as the parts of a chunk.

import type { Chunk, ChunkPart } from '../../../src/chunk/chunk.ts'
import type { RecordsWriter } from './records.ts'

/** The parts of a chunk that consists of these records, none longer than `partBytesMax`. */
export function* partsOf(chunk: Chunk, { attributes, values }: RecordsWriter, partBytesMax: number): Generator<ChunkPart> {
  const chunkBytes = values.byteLength
  for (let offset = 0; offset === 0 || offset < chunkBytes; offset += partBytesMax) {
    yield { chunk, offset, chunkBytes, bytes: values.subarray(offset, offset + partBytesMax), isGiven: true, attributes }
  }
}
