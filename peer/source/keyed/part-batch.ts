// Parts that are handed on together, so that packs get large: a pack is made of what is ready, and each costs both ends something. The first ones go
// one by one, since somebody waits for them.

import { isLeftOut, type ChunkPart, type LeftOut } from '../../../src/chunk/chunk.ts'
import { readBatchBytes } from '../../../src/limits/keyed.ts'

export class PartBatch {
  #parts: (ChunkPart | LeftOut)[] = []
  #bytes = 0
  #fullBytes = 1

  add(part: ChunkPart | LeftOut): void {
    this.#parts.push(part)
    if (!isLeftOut(part)) this.#bytes += part.bytes.byteLength
  }

  get isFull(): boolean {
    return this.#bytes >= this.#fullBytes
  }

  get isEmpty(): boolean {
    return this.#parts.length === 0
  }

  /** Empties it. Each is twice as large as the one before, up to readBatchBytes. */
  take(): (ChunkPart | LeftOut)[] {
    const parts = this.#parts
    this.#fullBytes = Math.min(readBatchBytes, 2 * Math.max(this.#bytes, this.#fullBytes))
    this.#parts = []
    this.#bytes = 0
    return parts
  }
}
