// The port through which a journal touches files. Synchronous: an entry is with the kernel before its pack is acknowledged, and costs one
// call. Errors are those of node:fs, with their `code`.

import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** A file that only grows. */
export interface JournalLog {
  /** Appends all of it. Throws with nothing of it left in the file. */
  append(bytes: Uint8Array): void
  close(): void
}

export interface JournalFiles {
  /** Changes with every boot; empty where the platform doesn't tell. */
  bootId(): string
  /** Makes a folder, and those above it that aren't there. */
  makeFolder(path: string): void
  list(path: string): string[]
  read(path: string): Uint8Array
  /** Makes the file, or takes the place of what it had. A process that is killed in the middle leaves it as it was. */
  write(path: string, bytes: Uint8Array): void
  /** As `write`, and for good: it outlives a power cut. */
  keep(path: string, bytes: Uint8Array): void
  /** Removes a file, or a folder with all that is in it. What isn't there is fine. */
  remove(path: string): void
  openLog(path: string): JournalLog
}

const temporarySuffix = '.new'

/** The machine's own files. Only the owner may read what is written here. */
export const systemJournalFiles: JournalFiles = {
  bootId() {
    try {
      return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    } catch {
      return ''
    }
  },
  makeFolder: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  list: (path) => readdirSync(path),
  read: (path) => readFileSync(path),
  write(path, bytes) {
    writeFileSync(path + temporarySuffix, bytes, { mode: 0o600 })
    renameSync(path + temporarySuffix, path)
  },
  keep(path, bytes) {
    writeFileSync(path + temporarySuffix, bytes, { mode: 0o600, flush: true })
    renameSync(path + temporarySuffix, path)
    syncFolder(dirname(path))
  },
  remove: (path) => rmSync(path, { recursive: true, force: true }),
  openLog(path) {
    const file = openSync(path, 'a')
    return {
      append(bytes) {
        let written = 0
        try {
          while (written < bytes.byteLength) written += writeSync(file, bytes, written)
        } catch (thrown) {
          if (written > 0) ftruncateSync(file, fstatSync(file).size - written)
          throw thrown
        }
      },
      close: () => closeSync(file),
    }
  },
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
