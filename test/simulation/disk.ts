// The disk of a simulated machine, as the relay's store sees it: what was not synced is lost when the power fails, all of it or some of it, and
// the last write may be torn; it fills up, and it returns errors. What a killed process has written, the machine still has.

import { HeirloomError } from '../../src/errors.ts'
import type { Disk, DiskFile } from '../../relay/store/disk.ts'
import type { SeededRandom } from '../helpers/seed.ts'
import type { Process } from './process.ts'

type Change = { readonly at: number; readonly bytes: Uint8Array } | { readonly length: number }

/** A file's content, as the machine shows it and as the platter has it. */
class Inode {
  seen: Buffer = Buffer.alloc(0)
  durable: Buffer = Buffer.alloc(0)
  /** Since the last sync, in order. */
  unsynced: Change[] = []

  apply(change: Change): void {
    this.seen = changed(this.seen, change)
    this.unsynced.push(change)
  }
}

function changed(content: Buffer, change: Change): Buffer {
  if ('length' in change) {
    const cut = Buffer.alloc(change.length)
    content.copy(cut)
    return cut
  }
  const grown = Buffer.alloc(Math.max(content.length, change.at + change.bytes.length))
  content.copy(grown)
  grown.set(change.bytes, change.at)
  return grown
}

class Folder {
  seen = new Map<string, Inode | Folder>()
  durable = new Map<string, Inode | Folder>()
}

const sectorBytes = 256

export interface DiskFaults {
  /** Probability that a call of a kind fails. */
  reads: number
  writes: number
  syncs: number
  /** Folders: renames, removals, syncs of folders. */
  folders: number
  /** Probability that a call takes seconds. */
  stalls: number
}

export const noDiskFaults: DiskFaults = { reads: 0, writes: 0, syncs: 0, folders: 0, stalls: 0 }

/** The machine's end in the middle of a call. */
export interface DiskCrash {
  /** After so many more calls. */
  afterCalls: number
  readonly run: () => void
}

export class SimulatedDisk {
  readonly #random: SeededRandom
  readonly #root = new Folder()
  readonly #locks = new Map<string, Process>()
  faults: DiskFaults = noDiskFaults
  capacityBytes = Infinity
  crash: DiskCrash | undefined
  /** Files open by the process that has the disk, and the most that were. */
  openFiles = 0
  /** A read has failed for this long already: whatever was read then may count as damaged. */
  failedReads = 0

  constructor(random: SeededRandom) {
    this.#random = random
  }

  get usedBytes(): number {
    return [...inodesIn(this.#root)].reduce((sum, { seen }) => sum + seen.length, 0)
  }

  /** What would be left of a file if the power failed now and nothing unsynced made it; undefined if the file itself wouldn't be there. */
  durableContent(path: string): Uint8Array | undefined {
    let node: Inode | Folder | undefined = this.#root
    for (const name of namesOf(path)) node = node instanceof Folder ? node.durable.get(name) : undefined
    return node instanceof Inode ? node.durable : undefined
  }

  /** What a folder shows now; nothing where there is none. */
  names(path: string): string[] {
    let node: Inode | Folder | undefined = this.#root
    for (const name of namesOf(path)) node = node instanceof Folder ? node.seen.get(name) : undefined
    return node instanceof Folder ? [...node.seen.keys()] : []
  }

  durableNames(path: string): string[] {
    let node: Inode | Folder | undefined = this.#root
    for (const name of namesOf(path)) node = node instanceof Folder ? node.durable.get(name) : undefined
    return node instanceof Folder ? [...node.durable.keys()] : []
  }

  /** The power fails. */
  losePower(): void {
    this.#restore(this.#root, new Set())
    this.openFiles = 0
  }

  #restore(folder: Folder, done: Set<Folder | Inode>): void {
    if (done.has(folder)) return
    done.add(folder)
    // A file system may have written any of the changes to its folders.
    const kept = new Map(folder.durable)
    for (const [name, node] of folder.seen) if (kept.get(name) !== node && this.#random.next() < 0.5) kept.set(name, node)
    for (const name of folder.durable.keys()) if (!folder.seen.has(name) && this.#random.next() < 0.5) kept.delete(name)
    folder.durable = kept
    folder.seen = new Map(kept)
    for (const node of kept.values()) {
      if (node instanceof Folder) this.#restore(node, done)
      else if (!done.has(node)) {
        done.add(node)
        this.#tear(node)
      }
    }
  }

  #tear(inode: Inode): void {
    const { unsynced } = inode
    let content = inode.durable
    if (this.#random.next() < 0.6) {
      // The first ones made it, the next one in part.
      const whole = this.#random.integer(0, unsynced.length)
      for (const change of unsynced.slice(0, whole)) content = changed(content, change)
      const torn = unsynced[whole]
      if (torn !== undefined && 'at' in torn && this.#random.next() < 0.7)
        content = changed(content, { at: torn.at, bytes: torn.bytes.subarray(0, this.#random.integer(0, torn.bytes.length)) })
    } else for (const change of unsynced) content = this.#scatter(content, change)
    inode.durable = content
    inode.seen = content
    inode.unsynced = []
  }

  /** Of one write any of its sectors made it. */
  #scatter(content: Buffer, change: Change): Buffer {
    if ('length' in change) return this.#random.next() < 0.5 ? changed(content, change) : content
    let scattered = content
    for (let from = 0; from < change.bytes.length; from += sectorBytes) {
      if (this.#random.next() < 0.3) continue
      scattered = changed(scattered, { at: change.at + from, bytes: change.bytes.subarray(from, from + sectorBytes) })
    }
    return scattered
  }

  /** The disk as one process sees it. */
  mount(process: Process): Disk {
    this.openFiles = 0
    const at = <T>(kind: keyof DiskFaults, run: () => T, torn?: () => void) => this.#call(process, kind, run, torn)
    return {
      file: (path, mode) => at('reads', () => this.#file(process, path, mode)),
      syncFolder: (path) =>
        at('folders', () => {
          const folder = this.#folder(path)
          folder.durable = new Map(folder.seen)
        }),
      makeFolder: (path) => at('folders', () => void this.#folder(path, { make: true })),
      list: (path) => at('folders', () => [...this.#folder(path).seen.keys()]),
      rename: (from, to) =>
        at('folders', () => {
          const source = this.#parent(from)
          const node = source.folder.seen.get(source.name)
          if (node === undefined) throw systemError('ENOENT')
          source.folder.seen.delete(source.name)
          const target = this.#parent(to)
          target.folder.seen.set(target.name, node)
        }),
      remove: (path) => at('folders', () => this.#remove(path)),
      removeEmptyFolder: (path) =>
        at('folders', () => {
          if (this.#folder(path).seen.size > 0) throw systemError('ENOTEMPTY')
          this.#remove(path)
        }),
      lock: (path) => this.#lock(process, path),
    }
  }

  #lock(process: Process, path: string): Disposable {
    if (this.#locks.get(path)?.alive === true) throw new HeirloomError('busy', `${path} is in use by another process`)
    this.#locks.set(path, process)
    return {
      [Symbol.dispose]: () => {
        if (this.#locks.get(path) === process) this.#locks.delete(path)
      },
    }
  }

  /** One call: takes a while, then has its effect or fails. A process that is killed in the meantime may leave half of it. */
  #call<T>(process: Process, kind: keyof DiskFaults, run: () => T, torn?: () => void): Promise<T> {
    const { faults } = this
    const random = process.random
    const takesMs = random.next() < faults.stalls ? random.next() * 8000 : kind === 'syncs' ? 0.3 + random.next() * 8 : random.next()
    const fails = random.next() < faults[kind]
    this.#perhapsCrash(process, takesMs)
    return new Promise((resolve, reject) => {
      if (!process.alive) return
      const forget = process.onKilled(() => {
        if (torn !== undefined && random.next() < 0.5) torn()
      })
      process.after(takesMs, () => {
        forget()
        try {
          if (fails) {
            if (kind === 'reads') this.failedReads++
            if (kind === 'writes' && random.next() < 0.5) torn?.()
            throw systemError('EIO')
          }
          resolve(run())
        } catch (thrown) {
          reject(thrown)
        }
      })
    })
  }

  #perhapsCrash(process: Process, takesMs: number): void {
    const { crash } = this
    if (crash === undefined || crash.afterCalls-- > 0) return
    this.crash = undefined
    process.after(process.random.next() * takesMs, crash.run)
  }

  #file(process: Process, path: string, mode: 'open' | 'create'): DiskFile {
    const { folder, name } = this.#parent(path)
    const known = folder.seen.get(name)
    if (mode === 'open' && !(known instanceof Inode)) throw systemError('ENOENT')
    if (mode === 'create' && known !== undefined) throw systemError('EEXIST')
    const inode = known instanceof Inode ? known : new Inode()
    folder.seen.set(name, inode)
    this.openFiles++
    return this.#open(process, inode)
  }

  #open(process: Process, inode: Inode): DiskFile {
    const at = <T>(kind: keyof DiskFaults, run: () => T, torn?: () => void) => this.#call(process, kind, run, torn)
    const write = (pieces: readonly Uint8Array[], position: number, bytesMax: number) => {
      const bytes = Buffer.concat(pieces).subarray(0, bytesMax)
      const fits = Math.min(bytes.length, Math.max(0, this.capacityBytes - this.usedBytes + Math.max(0, inode.seen.length - position)))
      if (fits === 0 && bytes.length > 0) throw systemError('ENOSPC')
      inode.apply({ at: position, bytes: bytes.subarray(0, fits) })
      return fits
    }
    return {
      writev: (pieces, position) => {
        const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
        // A system may take less than it was given.
        const takes = process.random.next() < 0.05 ? process.random.integer(1, Math.max(1, bytes)) : bytes
        const torn = () => {
          try {
            write(pieces, position, process.random.integer(0, bytes))
          } catch {
            // There was no room for it.
          }
        }
        return at('writes', () => write(pieces, position, takes), torn)
      },
      readv: (pieces, position) =>
        at('reads', () => {
          let from = position
          for (const piece of pieces) from += inode.seen.copy(piece, 0, from, from + piece.length)
          return from - position
        }),
      size: () => at('reads', () => inode.seen.length),
      datasync: () => this.#sync(process, inode),
      truncate: (bytes) => at('writes', () => inode.apply({ length: bytes })),
      close: () =>
        this.#call(process, 'stalls', () => {
          this.openFiles--
        }),
    }
  }

  /** Makes durable what was written before it began, and not what comes meanwhile. */
  async #sync(process: Process, inode: Inode): Promise<void> {
    const before = [...inode.unsynced]
    try {
      await this.#call(process, 'syncs', () => {
        for (const change of before) {
          const index = inode.unsynced.indexOf(change)
          if (index < 0) continue
          inode.unsynced.splice(index, 1)
          inode.durable = changed(inode.durable, change)
        }
      })
    } catch (thrown) {
      // The system takes them for clean now, and never writes them.
      inode.unsynced = inode.unsynced.filter((change) => !before.includes(change))
      throw thrown
    }
  }

  #remove(path: string): void {
    const { folder, name } = this.#parent(path)
    folder.seen.delete(name)
  }

  #parent(path: string): { folder: Folder; name: string } {
    const names = namesOf(path)
    const name = names.pop()!
    return { folder: this.#folder(names.join('/')), name }
  }

  #folder(path: string, { make = false } = {}): Folder {
    let folder = this.#root
    for (const name of namesOf(path)) {
      let next = folder.seen.get(name)
      if (next === undefined && make) {
        next = new Folder()
        folder.seen.set(name, next)
      }
      if (next === undefined) throw systemError('ENOENT')
      if (!(next instanceof Folder)) throw systemError('ENOTDIR')
      folder = next
    }
    return folder
  }
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '')
}

function* inodesIn(folder: Folder): Generator<Inode> {
  for (const node of folder.seen.values()) {
    if (node instanceof Folder) yield* inodesIn(node)
    else yield node
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`injected ${code}`), { code })
}
