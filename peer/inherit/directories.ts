// Where the relay's store has which chunks: what the directories in the packs say (PROTOCOL.md, "Packs"). It is asked when the predecessor
// can't be, and holds 14 bytes for each chunk of the packs that aren't here yet.

import { chunkMarkBytes, type PackDirectory } from '../../src/chunk/pack.ts'
import { markChunk } from '../../src/seal/chunk-mark.ts'
import { directoriesAskedMax, directoryEveryPacks } from '../../src/limits/demand.ts'
import { PackSet } from '../../src/wire/pack-set.ts'

export class Directories {
  readonly #packs = new Map<number, Uint8Array>()

  learn(directory: readonly PackDirectory[]): void {
    // A copy: the pack's memory is given back.
    for (const { pack, chunks } of directory) this.#packs.set(pack, chunks.slice())
  }

  /** The pack is here: nobody will look for it. */
  forget(pack: number): void {
    this.#packs.delete(pack)
  }

  /** The packs that have parts of a chunk, as far as is known: perhaps one too many. */
  find(source: number, id: string): number[] {
    if (this.#packs.size === 0) return []
    const mark = Buffer.from(markChunk(source, id), 'hex')
    return [...this.#packs].filter(([, chunks]) => includes(chunks, mark)).map(([pack]) => pack)
  }
}

/** Where directories are, if there are any, of a handoff that may have any number of packs. */
export function directoryNumbers(packs: number | undefined): PackSet {
  const numbers = new PackSet()
  const end = Math.min(packs ?? Infinity, directoriesAskedMax * directoryEveryPacks)
  for (let number = directoryEveryPacks - 1; number < end; number += directoryEveryPacks) numbers.add(number)
  if (packs !== undefined) numbers.add(packs - 1)
  return numbers
}

function includes(chunks: Uint8Array, mark: Buffer): boolean {
  const bytes = Buffer.from(chunks.buffer, chunks.byteOffset, chunks.byteLength)
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) if (at % chunkMarkBytes === 0) return true
  return false
}
