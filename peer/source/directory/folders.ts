// The folders of a restore: made when something goes into them, given their modes and times at the end.
// Invariant: a folder is only used after each part of its path was seen to be a folder and no link.

import { asHeirloomError } from '../../../src/errors.ts'
import { mtimeOf, type EntryHead, type Owner, type RelativePath } from './entry.ts'
import type { FileSystem } from './file-system.ts'
import { absolutePath, parentPath, pathText } from './path.ts'
import { Refusal } from './refusal.ts'

export class Folders {
  readonly #root: string
  readonly #fileSystem: FileSystem
  /** Those that were checked. */
  readonly #checked = new Set<string>()
  /** Writing into a folder changes its time, and its mode may forbid it: both are put right at the end. */
  readonly #heads = new Map<string, { path: RelativePath; head: EntryHead }>()

  /** To whom new folders are given; undefined: they are ours. */
  owner: Owner | undefined

  constructor(root: string, fileSystem: FileSystem) {
    this.#root = root
    this.#fileSystem = fileSystem
  }

  /** Makes a folder with all above it, for us to write into. Throws a Refusal where a link or a file is in the way. */
  ensure(path: RelativePath, mode = 0o777): void {
    const text = pathText(path)
    if (path.length === 0 || this.#checked.has(text)) return
    this.ensure(parentPath(path))
    const absolute = absolutePath(this.#root, path)
    const here = this.#fileSystem.lstatSync(absolute, { throwIfNoEntry: false })
    if (here === undefined) {
      this.#fileSystem.mkdirSync(absolute, mode | 0o700)
      if (this.owner !== undefined) this.#fileSystem.lchownSync(absolute, this.owner.uid, this.owner.gid)
    } else if (here.isSymbolicLink()) throw new Refusal('a link is in the place of a folder')
    else if (!here.isDirectory()) throw new Refusal('a file is in the place of a folder')
    this.#checked.add(text)
  }

  /** A folder turned out to be gone: all are checked again. */
  forgetChecks(): void {
    this.#checked.clear()
  }

  /** Keeps what a folder is to have at the end. */
  note(path: RelativePath, head: EntryHead): void {
    this.#heads.set(pathText(path), { path, head })
  }

  /** Gives all folders their modes and times. Throws `io` if one didn't take them; all others have theirs then. */
  settle(): void {
    let failure: unknown
    // The deepest first: putting a folder right mustn't be undone by what is done in it, nor its rights be taken before.
    const noted = [...this.#heads.values()].sort((a, b) => pathText(b.path).length - pathText(a.path).length)
    for (const { path, head } of noted) {
      try {
        this.#settleOne(path, head)
      } catch (thrown) {
        failure ??= thrown
      }
    }
    this.#heads.clear()
    this.#checked.clear()
    if (failure !== undefined) throw asHeirloomError(failure, 'io')
  }

  #settleOne(path: RelativePath, head: EntryHead): void {
    const absolute = absolutePath(this.#root, path)
    if (this.#fileSystem.lstatSync(absolute, { throwIfNoEntry: false })?.isDirectory() !== true) return
    this.#fileSystem.chmodSync(absolute, head.mode)
    this.#fileSystem.utimesSync(absolute, mtimeOf(head), mtimeOf(head))
  }
}
