// The open files of a store. Invariant: at most openSegmentsMax descriptors, and none is closed while somebody holds a lease of it. The ones
// that were idle longest are closed first. Who wants a file while all are in use waits.

import { openSegmentsMax } from '../../src/limits/relay.ts'
import type { Disk, DiskFile } from './disk.ts'

export interface FileLease {
  readonly file: DiskFile
  /** Gives the file back; call it once. */
  release(): void
}

interface Entry {
  readonly opening: Promise<DiskFile>
  leases: number
  /** Called when the last lease was given back, by who waits to close the file. */
  onIdle?: () => void
}

export class SegmentFiles {
  readonly #disk: Disk
  readonly #filesMax: number
  /** By path; those that were used last come last. */
  readonly #entries = new Map<string, Entry>()
  /** Files that are open or being opened or closed. */
  #descriptors = 0
  #waiting: (() => void)[] = []

  constructor(disk: Disk, filesMax = openSegmentsMax) {
    this.#disk = disk
    this.#filesMax = filesMax
  }

  /** Descriptors open at this moment. */
  get descriptors(): number {
    return this.#descriptors
  }

  /** Lends the file at `path`, opened or created. Throws what opening throws. */
  async acquire(path: string, mode: 'open' | 'create' = 'open'): Promise<FileLease> {
    while (!this.#entries.has(path) && this.#descriptors >= this.#filesMax) {
      this.#closeIdle()
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    const entry = this.#entries.get(path) ?? this.#open(path, mode)
    entry.leases++
    this.#entries.delete(path)
    this.#entries.set(path, entry)
    const release = () => {
      entry.leases--
      if (entry.leases > 0) return
      entry.onIdle?.()
      this.#wake()
    }
    try {
      return { file: await entry.opening, release }
    } catch (error) {
      if (this.#entries.get(path) === entry) this.#entries.delete(path)
      release()
      throw error
    }
  }

  /** Closes the files of these paths as soon as they are given back. Nobody may ask for one of them any more. */
  async close(paths: Iterable<string>): Promise<void> {
    await Promise.all([...paths].map((path) => this.#close(path)))
  }

  closeAll(): Promise<void> {
    return this.close([...this.#entries.keys()])
  }

  #open(path: string, mode: 'open' | 'create'): Entry {
    this.#descriptors++
    const opening = this.#disk.file(path, mode).catch((error: unknown) => {
      this.#descriptors--
      throw error
    })
    return { opening, leases: 0 }
  }

  /** Begins to close the file that was idle longest, if there is one. Whoever waits is woken when it is closed, or when one is given back. */
  #closeIdle(): void {
    for (const [path, entry] of this.#entries) {
      if (entry.leases === 0) return void this.#close(path)
    }
  }

  async #close(path: string): Promise<void> {
    const entry = this.#entries.get(path)
    if (entry === undefined) return
    this.#entries.delete(path)
    if (entry.leases > 0) await new Promise<void>((resolve) => (entry.onIdle = resolve))
    try {
      const file = await entry.opening
      // What was acknowledged was synced before, so an error of close tells nothing new, and the descriptor is gone either way.
      await file.close().catch(() => {})
      this.#descriptors--
    } catch {
      // It never opened; whoever asked for it was told.
    }
    this.#wake()
  }

  /** Lets all who wait look again, in the order in which they came. */
  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume()
  }
}
