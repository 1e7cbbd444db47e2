// A disk that fails on demand, for tests: the real one with hooks. Each hook is a plain field that a test sets and clears.

import { systemDisk, type Disk, type DiskFile } from '../../relay/store/disk.ts'

export class FaultyDisk implements Disk {
  /** Bytes that still fit; a write takes what fits and then throws ENOSPC. */
  spaceLeftBytes = Infinity
  /** How many of the coming calls of each kind throw EIO. */
  readonly failing = { writes: 0, syncs: 0, truncates: 0, reads: 0 }
  /** Awaited by each datasync before it happens. */
  beforeSync: () => Promise<void> = async () => {}
  /** How many datasyncs were made. */
  syncs = 0
  /** How many bytes were written. */
  written = 0
  /** Files open now, and the most that were at a time. */
  open = 0
  openMost = 0

  async file(path: string, mode: 'open' | 'create'): Promise<DiskFile> {
    this.open++
    this.openMost = Math.max(this.openMost, this.open)
    const file = await systemDisk.file(path, mode).catch((error: unknown) => {
      this.open--
      throw error
    })
    return this.#wrap(file)
  }

  readonly syncFolder = systemDisk.syncFolder
  readonly makeFolder = systemDisk.makeFolder
  readonly list = systemDisk.list
  readonly rename = systemDisk.rename
  readonly remove = systemDisk.remove
  readonly removeEmptyFolder = systemDisk.removeEmptyFolder
  readonly lock = systemDisk.lock

  #wrap(file: DiskFile): DiskFile {
    return {
      writev: async (pieces, position) => {
        this.#failIfTold('writes')
        const fitting = fit(pieces, this.spaceLeftBytes)
        if (fitting.length === 0) throw systemError('ENOSPC')
        const count = await file.writev(fitting, position)
        this.spaceLeftBytes -= count
        this.written += count
        return count
      },
      readv: async (pieces, position) => {
        this.#failIfTold('reads')
        return file.readv(pieces, position)
      },
      size: () => file.size(),
      datasync: async () => {
        this.syncs++
        await this.beforeSync()
        this.#failIfTold('syncs')
        await file.datasync()
      },
      truncate: async (bytes) => {
        this.#failIfTold('truncates')
        this.spaceLeftBytes += (await file.size()) - bytes
        await file.truncate(bytes)
      },
      close: async () => {
        await file.close()
        this.open--
      },
    }
  }

  #failIfTold(kind: keyof FaultyDisk['failing']): void {
    if (this.failing[kind] === 0) return
    this.failing[kind]--
    throw systemError('EIO')
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`injected ${code}`), { code })
}

/** As many of the pieces' first bytes as `bytes` allows. */
function fit(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const fitting: Uint8Array[] = []
  let left = bytes
  for (const piece of pieces) {
    if (left <= 0) break
    fitting.push(left < piece.length ? piece.subarray(0, left) : piece)
    left -= piece.length
  }
  return fitting
}
