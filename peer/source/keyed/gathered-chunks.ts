// Chunks of a key-value server that come in parts: gathered in files of the sink's own staging folder until all of it is there, so that they outlive
// this process.

import { readFileSync, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { StagedFiles } from '../staged-files.ts'
import type { IncomingFragment, RecalledFragment } from '../source.ts'

type Head = Pick<IncomingFragment, 'id' | 'version' | 'chunkBytes' | 'attributes'>

export class GatheredChunks {
  readonly #folder: string
  readonly #staged: StagedFiles

  /** The folder is made when it is needed, and removed at the end. */
  constructor(folder: string) {
    this.#folder = folder
    this.#staged = new StagedFiles(folder)
  }

  /** The whole chunk's bytes if this fragment makes it complete. Call `done` when they were used. Throws what the file system throws. */
  async add(fragment: IncomingFragment): Promise<Uint8Array | undefined> {
    const { bytes, chunkBytes } = fragment
    if (bytes.byteLength === chunkBytes) return bytes
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const staged = this.#staged.write(keyOf(fragment), chunkBytes, pieceOf(fragment, bytes.byteLength), bytes)
    return staged === undefined ? undefined : readFileSync(staged.path)
  }

  /** The chunk of this fragment isn't needed any more. */
  done(fragment: IncomingFragment): void {
    if (fragment.bytes.byteLength < fragment.chunkBytes) this.#staged.discard(keyOf(fragment))
  }

  recall(fragments: readonly RecalledFragment[]): void {
    for (const fragment of fragments) this.#staged.recall(keyOf(fragment), fragment.chunkBytes, pieceOf(fragment, fragment.length))
  }

  /** Drops what stayed incomplete. */
  drop(): void {
    this.#staged.drop()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** What is unfinished stays in its folder, for a restart. */
  close(): void {
    this.#staged.close()
  }
}

/** Parts of one chunk that was read at different times differ in their heads, and must not be mixed. */
function keyOf({ id, version, chunkBytes, attributes }: Head): string {
  return `${id}\0${version}\0${chunkBytes}\0${Buffer.from(attributes).toString('base64')}`
}

function pieceOf({ id, offset }: Pick<IncomingFragment, 'id' | 'offset'>, length: number) {
  return { id, chunkAt: 0, at: offset, length }
}
