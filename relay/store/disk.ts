// The port through which the store touches files, so that tests can make them fail and lose what was not synced. Paths are absolute or
// relative to the working directory; errors are those of node:fs, with their `code`.

import { mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { lockDirectory } from './directory-lock.ts'
import { Turns } from './turns.ts'

export interface DiskFile {
  /** Writes at `position`; answers how many bytes were written, which may be fewer than given. */
  writev(pieces: readonly Uint8Array[], position: number): Promise<number>
  /** Fills the pieces from `position`; answers how many bytes were read, fewer at the end of the file. */
  readv(pieces: readonly Uint8Array[], position: number): Promise<number>
  /** The file's length in bytes. */
  size(): Promise<number>
  /** Resolves when the file's bytes and its length are durable. */
  datasync(): Promise<void>
  truncate(bytes: number): Promise<void>
  close(): Promise<void>
}

export interface Disk {
  /** `open` fails if there is no file; `create` fails if there is one. Both read and write. */
  file(path: string, mode: 'open' | 'create'): Promise<DiskFile>
  /** Resolves when the folder's entries (files that were created, renamed, removed) are durable. */
  syncFolder(path: string): Promise<void>
  /** Makes a folder, and those above it that aren't there. One that is there already is fine. */
  makeFolder(path: string): Promise<void>
  /** The names of the folder's entries. */
  list(path: string): Promise<string[]>
  /** Moves a file or a folder; takes the place of a file that is there. */
  rename(from: string, to: string): Promise<void>
  /** Removes a file, or a folder with all that is in it. What isn't there is fine. */
  remove(path: string): Promise<void>
  /** Fails if the folder isn't empty. */
  removeEmptyFolder(path: string): Promise<void>
  /** Keeps others out of a folder until disposed, or this process ends in any way. Throws `busy`. */
  lock(path: string): Disposable
}

/**
 * The machine's own disk. Only the owner may read what it creates. Reads and writes of one file take turns: Deno performs them as a seek and
 * then the rest, so that two at a time would move each other's place.
 */
export const systemDisk: Disk = {
  async file(path, mode) {
    const handle = await open(path, mode === 'open' ? 'r+' : 'wx+', 0o600)
    const turns = new Turns(1)
    return {
      writev: (pieces, position) => turns.take(async () => (await handle.writev(pieces as Uint8Array[], position)).bytesWritten),
      readv: (pieces, position) => turns.take(async () => (await handle.readv(pieces as Uint8Array[], position)).bytesRead),
      size: async () => (await handle.stat()).size,
      datasync: () => handle.datasync(),
      truncate: (bytes) => handle.truncate(bytes),
      close: () => handle.close(),
    }
  },
  async syncFolder(path) {
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  async makeFolder(path) {
    await mkdir(path, { recursive: true, mode: 0o700 })
  },
  list: (path) => readdir(path),
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { recursive: true, force: true }),
  removeEmptyFolder: (path) => rmdir(path),
  lock: lockDirectory,
}
