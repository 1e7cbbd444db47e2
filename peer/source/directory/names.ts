// Further names of files (hard links) of a restore: given when the file itself is there, which may come later than they do.
// Invariant: a name is only given to the very file that was meant, by its size, time and mode; never to what a link leads to.

import type { EntryHead, RelativePath } from './entry.ts'
import type { FileSystem } from './file-system.ts'
import type { Folders } from './folders.ts'
import { absolutePath, parentPath, pathFromBytes, pathText } from './path.ts'

export interface NamesOptions {
  readonly root: string
  readonly staging: string
  readonly fileSystem: FileSystem
  readonly folders: Folders
  /** Whether the file of this head is there. Throws a Refusal when something newer is, or a folder. */
  readonly isHere: (path: RelativePath, head: EntryHead) => boolean
}

interface Waiting {
  readonly id: string
  readonly path: RelativePath
  readonly head: EntryHead
}

export class Names {
  readonly #options: NamesOptions
  /** By the file's path. */
  #waiting = new Map<string, Waiting[]>()

  constructor(options: NamesOptions) {
    this.#options = options
  }

  /** Gives the name now if the file is there; answers whether it was. Throws what keeps this name from being given. */
  give(path: RelativePath, head: EntryHead): boolean {
    const { root, staging, fileSystem, folders, isHere } = this.#options
    const file = pathFromBytes(head.target)
    folders.ensure(parentPath(path))
    folders.ensure(parentPath(file))
    if (!isHere(file, { ...head, type: 'file' })) return false
    const [here, there] = [path, file].map((each) => fileSystem.lstatSync(absolutePath(root, each), { throwIfNoEntry: false }))
    if (here !== undefined && here.ino === there?.ino && here.dev === there.dev) return true
    // What stands there and is newer stays, as for any file.
    isHere(path, { ...head, type: 'file' })
    const temporary = `${staging}/n`
    fileSystem.rmSync(temporary, { force: true })
    fileSystem.linkSync(absolutePath(root, file), temporary)
    try {
      fileSystem.renameSync(temporary, absolutePath(root, path))
    } finally {
      fileSystem.rmSync(temporary, { force: true })
    }
    return true
  }

  /** Keeps a name for when its file comes. */
  keep(id: string, path: RelativePath, head: EntryHead): void {
    const file = pathText(pathFromBytes(head.target))
    const waiting = this.#waiting.get(file) ?? []
    // Copied, since the memory that it is in is used again.
    const kept = { id, path, head: { ...head, target: Uint8Array.from(head.target) } }
    // The same one may come again.
    this.#waiting.set(file, [...waiting.filter((other) => pathText(other.path) !== pathText(path)), kept])
  }

  /** A file is complete: its names that waited are given; answers their ids. One that can't be given waits for the end. */
  arrived(path: RelativePath): string[] {
    const file = pathText(path)
    const waiting = this.#waiting.get(file)
    if (waiting === undefined) return []
    const given = waiting.filter((name) => this.#try(name))
    const left = waiting.filter((name) => !given.includes(name))
    if (left.length > 0) this.#waiting.set(file, left)
    else this.#waiting.delete(file)
    return given.map(({ id }) => id)
  }

  /** Tries once more what still waits, and gives up the rest; answers the ids of those that were given. */
  finish(): string[] {
    const given = [...this.#waiting.values()].flat().filter((name) => this.#try(name))
    this.#waiting = new Map()
    return given.map(({ id }) => id)
  }

  #try({ path, head }: Waiting): boolean {
    try {
      return this.give(path, head)
    } catch {
      return false
    }
  }
}
