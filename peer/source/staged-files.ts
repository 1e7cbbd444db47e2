// Chunks and files that arrive in pieces: each is a staging file of its final size, by a key, until its last byte is there.
// Invariant: a file is complete when every byte of it was written, however the pieces were cut and however often they came. At most
// `stagedFilesOpenMax` are open at a time; one that was closed to make room is opened again.

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { ByteRanges } from '../../src/chunk/byte-ranges.ts'
import { HeirloomError } from '../../src/errors.ts'
import { holeBytes, stagedFilesMax, stagedFilesOpenMax } from '../../src/limits/source.ts'
import { nodeFileSystem, type FileSystem } from './directory/file-system.ts'

export interface StagedFile {
  readonly path: string
  readonly size: number
  /** Chunks of which something is there, by where in the file they begin; and their ids. */
  readonly chunks: Map<number, string>
}

/** A piece of a staged file: `at` in the file, of the chunk that begins at `chunkAt`. */
export interface StagedPiece {
  readonly id: string
  readonly chunkAt: number
  readonly at: number
  readonly length: number
}

interface Kept extends StagedFile {
  /** The open file; -1 while it is closed. */
  file: number
  /** What of it is there. */
  readonly there: ByteRanges
}

export class StagedFiles {
  readonly #folder: string
  readonly #fileSystem: FileSystem
  readonly #files = new Map<string, Kept>()
  /** Those that are open, the least recently used first. */
  readonly #open = new Set<Kept>()

  constructor(folder: string, fileSystem: FileSystem = nodeFileSystem) {
    this.#folder = folder
    this.#fileSystem = fileSystem
  }

  /** Writes a piece; answers the file when it is complete with it. Throws what the file system throws, `too-large` when too many files are unfinished. */
  write(key: string, size: number, piece: StagedPiece, bytes: Uint8Array, sparse = false): StagedFile | undefined {
    const staged = this.#ensure(key, size)
    if (sparse) writeSparsely(this.#fileSystem, staged.file, bytes, piece.at)
    else writeFully(this.#fileSystem, staged.file, bytes, piece.at)
    return note(staged, piece) ? staged : undefined
  }

  /** After a restart: a piece that was written, if its file is still there; answers the file when it is complete with it. */
  recall(key: string, size: number, piece: StagedPiece): StagedFile | undefined {
    const path = this.#pathOf(key)
    if (this.#fileSystem.lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined
    const staged: Kept = this.#files.get(key) ?? { path, size, file: -1, there: new ByteRanges(), chunks: new Map() }
    this.#files.set(key, staged)
    return note(staged, piece) ? staged : undefined
  }

  /** The open file of a complete one, the caller's to close from now on. Nothing more is known of it here. */
  release(key: string): number {
    const staged = this.#ensure(key, 0)
    this.#files.delete(key)
    this.#open.delete(staged)
    return staged.file
  }

  /** The file isn't needed any more. */
  discard(key: string): void {
    const staged = this.#files.get(key)
    if (staged === undefined) return
    this.#closeOne(staged)
    this.#fileSystem.rmSync(staged.path, { force: true })
    this.#files.delete(key)
  }

  /** Drops what stayed incomplete. */
  drop(): void {
    for (const key of this.#files.keys()) this.discard(key)
  }

  /** Closes all files and leaves them where they are, for a restart. */
  close(): void {
    for (const staged of this.#open) this.#closeOne(staged)
  }

  /** The staging file of a key, open and the most recently used. */
  #ensure(key: string, size: number): Kept {
    const known = this.#files.get(key)
    if (known === undefined && this.#files.size >= stagedFilesMax) {
      throw new HeirloomError('too-large', `more than ${stagedFilesMax} files are unfinished at the same time`)
    }
    const staged: Kept = known ?? { path: this.#pathOf(key), size, file: -1, there: new ByteRanges(), chunks: new Map() }
    if (staged.file < 0) {
      const [oldest] = this.#open
      if (this.#open.size >= stagedFilesOpenMax) this.#closeOne(oldest!)
      staged.file = this.#fileSystem.openSync(staged.path, known === undefined ? 'w+' : 'r+', 0o600)
    }
    this.#files.set(key, staged)
    this.#open.delete(staged)
    this.#open.add(staged)
    if (known === undefined) this.#presize(key, staged)
    return staged
  }

  #presize(key: string, staged: Kept): void {
    try {
      this.#fileSystem.ftruncateSync(staged.file, staged.size)
    } catch (thrown) {
      this.discard(key)
      throw thrown
    }
  }

  #closeOne(staged: Kept): void {
    if (staged.file >= 0) this.#fileSystem.closeSync(staged.file)
    staged.file = -1
    this.#open.delete(staged)
  }

  #pathOf(key: string): string {
    return join(this.#folder, `p${createHash('sha256').update(key).digest('hex').slice(0, 32)}`)
  }
}

/** Notes that a piece is there; answers whether the file is complete with it. */
function note(staged: Kept, { id, chunkAt, at, length }: StagedPiece): boolean {
  staged.chunks.set(chunkAt, id)
  // What lies outside of the file is none of its bytes.
  staged.there.add(at, Math.max(0, Math.min(length, staged.size - at)))
  return staged.there.bytes >= staged.size
}

/** Writes into a file of its full size, but for whole blocks of zeros, which stay holes. Throws as writeFully does. */
export function writeSparsely(fileSystem: FileSystem, file: number, bytes: Uint8Array, position: number): void {
  let from = 0
  for (let at = 0; at < bytes.byteLength;) {
    const end = Math.min(bytes.byteLength, at + holeBytes - ((position + at) % holeBytes))
    if (isZero(bytes, at, end)) {
      writeFully(fileSystem, file, bytes.subarray(from, at), position + from)
      from = end
    }
    at = end
  }
  writeFully(fileSystem, file, bytes.subarray(from), position + from)
}

function isZero(bytes: Uint8Array, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (bytes[at] !== 0) return false
  return true
}

/** Writes all of `bytes`. Throws what the file system throws, `no-space` when it takes nothing more without saying why. */
export function writeFully(fileSystem: FileSystem, file: number, bytes: Uint8Array, position: number): void {
  let written = 0
  while (written < bytes.byteLength) {
    const count = fileSystem.writeSync(file, bytes, written, bytes.byteLength - written, position + written)
    if (count === 0) throw new HeirloomError('no-space', 'the disk took nothing more')
    written += count
  }
}
