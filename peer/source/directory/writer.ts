// Restores a directory's entries, synchronously: it runs on a thread of its own. A file becomes visible whole or not at all (staging
// file, then rename); nothing is ever written through a link or outside the root; what is here and newer stays.
//
// What is in the way: a link or older file gives way to a file or link; nothing gives way to a folder, and a folder to nothing, since that could
// remove what nobody meant to remove. The item is refused then, and all below it.
//
// What root restores is given to the owner of the root directory: the program whose state it is must be able to use it, and who that is on another
// machine only this one knows.
//
// Files are not fsynced one by one: what an acknowledgement promises is that it outlives this process, and the journal, which is void
// after a reboot, promises no more.

import { constants } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { asHeirloomError, HeirloomError } from '../../../src/errors.ts'
import { chunkBytesMax } from '../../../src/limits/wire.ts'
import type { Refused } from '../source.ts'
import { mtimeOf, type EntryHead, type Owner, type RelativePath } from './entry.ts'
import { errnoOf, nodeFileSystem, type FileSystem } from './file-system.ts'
import { Folders } from './folders.ts'
import { Names } from './names.ts'
import { absolutePath, parentPath, pathText } from './path.ts'
import { Refusal, refusalOf } from './refusal.ts'
import { StagedFiles, writeFully, writeSparsely } from '../staged-files.ts'

/** A fragment whose name was checked to lie inside the root. */
export interface WriteItem extends RecallItem {
  readonly bytes: Uint8Array
}

export interface RecallItem {
  readonly id: string
  readonly path: RelativePath
  readonly head: EntryHead
  readonly version: string
  /** Where in its chunk the fragment begins, and the chunk's bytes. */
  readonly offset: number
  readonly chunkBytes: number
  /** The fragment's bytes. */
  readonly length: number
}

/** Of items, by their indexes; what has arrived by its id. */
export interface WriteOutcome {
  readonly unfinished: readonly number[]
  readonly inPlace: readonly number[]
  readonly arrived: readonly string[]
  readonly refused: readonly Refused[]
}

export interface DirectoryWriterOptions {
  readonly root: string
  /** On the same file system as the root; made here, and removed at the end. */
  readonly staging: string
  readonly fileSystem?: FileSystem
  /** Whether this process may give files away. Default: when it is root's. */
  readonly givesAway?: boolean
}

interface Account {
  unfinished: number[]
  inPlace: number[]
  arrived: string[]
  refused: Refused[]
}

const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL

export class DirectoryWriter {
  readonly #root: string
  readonly #staging: string
  readonly #fileSystem: FileSystem
  readonly #staged: StagedFiles
  readonly #givesAway: boolean
  #owner: Owner | undefined
  #ready = false
  readonly #folders: Folders
  readonly #names: Names
  /** Files that were complete already when their pieces were recalled: chunks of which nobody was told yet. */
  readonly #recalledWhole = new Map<string, Set<string>>()
  /** By mode: whether a file that is created with it has it, which the umask or the folder's own rules may prevent. */
  readonly #createdWith = new Map<number, boolean>()
  #temporary = 0

  constructor({ root, staging, fileSystem = nodeFileSystem, givesAway = process.geteuid?.() === 0 }: DirectoryWriterOptions) {
    this.#givesAway = givesAway
    this.#root = root
    this.#staging = staging
    this.#fileSystem = fileSystem
    this.#staged = new StagedFiles(staging, fileSystem)
    this.#folders = new Folders(root, fileSystem)
    const isHere = (path: RelativePath, head: EntryHead) => this.#isHere(path, head)
    this.#names = new Names({ root, staging, fileSystem, folders: this.#folders, isHere })
  }

  /** Restores fragments in their order. Throws `no-space` or `io` when the sink as a whole can't go on; then nothing half-written has a final name. */
  restore(items: readonly WriteItem[]): WriteOutcome {
    this.#prepare()
    const account: Account = { unfinished: [], inPlace: [], arrived: [], refused: [] }
    items.forEach((item, index) => {
      try {
        this.#restoreOne(item, index, account)
      } catch (thrown) {
        account.refused.push({ id: item.id, reason: refusalOf(thrown) })
      }
    })
    return account
  }

  recall(items: readonly RecallItem[]): void {
    this.#prepare()
    for (const { id, path, head, version, offset, length } of items) {
      if (head.type === 'directory') this.#folders.note(path, head)
      if (head.type === 'name') this.#names.keep(id, path, head)
      if (head.type !== 'file') continue
      const key = stagedKey(path, head, version)
      if (this.#isWhole(path, head)) upsert(this.#recalledWhole, key).add(id)
      else this.#staged.recall(key, head.size, { id, chunkAt: head.offset, at: head.offset + offset, length })
    }
  }

  /** Drops what stayed unfinished and puts folders right. Throws `io` if a folder didn't take its mode or time; all others have theirs then. */
  finish(): { arrived: string[] } {
    const arrived = this.#names.finish()
    this.#staged.drop()
    this.#fileSystem.rmSync(this.#staging, { recursive: true, force: true })
    this.#recalledWhole.clear()
    this.#createdWith.clear()
    this.#ready = false
    this.#folders.settle()
    return { arrived }
  }

  /** Closes files and leaves them where they are, for a restart. */
  close(): void {
    this.#staged.close()
  }

  #prepare(): void {
    if (this.#ready) return
    try {
      this.#fileSystem.mkdirSync(this.#root, { recursive: true })
      this.#fileSystem.mkdirSync(this.#staging, { recursive: true, mode: 0o700 })
      if (this.#givesAway) this.#folders.owner = this.#owner = ownerOf(this.#fileSystem.lstatSync(this.#root))
    } catch (thrown) {
      const { code, message } = asHeirloomError(thrown, 'io')
      throw new HeirloomError(code, `${this.#root} can't be written: ${message}`, {
        cause: thrown,
        hint: 'is it a directory, and may this user write there?',
      })
    }
    this.#ready = true
  }

  #restoreOne(item: WriteItem, index: number, account: Account): void {
    const { path, head } = item
    if (head.type === 'directory') {
      this.#folders.ensure(path, head.mode)
      this.#folders.note(path, head)
      // It is there, but its mode and times are still to come: the journal must remember them.
      account.unfinished.push(index)
      account.inPlace.push(index)
      return
    }
    this.#folders.ensure(parentPath(path))
    if (head.type === 'link') this.#restoreLink(path, head)
    else if (head.type === 'name') this.#restoreName(item, index, account)
    else if (this.#isHere(path, head)) this.#tellHere(item, account)
    else if (head.size === item.length) {
      this.#restoreWhole(path, head, item.bytes)
      account.arrived.push(...this.#names.arrived(path))
    } else this.#restorePiece(item, index, account)
  }

  #restoreName({ id, path, head }: WriteItem, index: number, account: Account): void {
    if (this.#names.give(path, head)) return
    this.#names.keep(id, path, head)
    account.unfinished.push(index)
  }

  /** The same file is here already, from earlier or because this comes again. */
  #tellHere({ path, head, version }: WriteItem, account: Account): void {
    const key = stagedKey(path, head, version)
    account.arrived.push(...(this.#recalledWhole.get(key) ?? []), ...this.#names.arrived(path))
    this.#recalledWhole.delete(key)
  }

  #restoreWhole(path: RelativePath, head: EntryHead, bytes: Uint8Array): void {
    const temporary = `${this.#staging}/w${this.#temporary++}`
    const isGiven = this.#createdWith.get(head.mode) ?? head.mode <= 0o777
    const file = this.#create(temporary, isGiven ? head.mode : 0o600)
    let hasMode = false
    try {
      hasMode = isGiven && this.#holds(file, head.mode)
      if (head.sparse === true) {
        this.#fileSystem.ftruncateSync(file, head.size)
        writeSparsely(this.#fileSystem, file, bytes, 0)
      } else writeFully(this.#fileSystem, file, bytes, 0)
    } catch (thrown) {
      this.#fileSystem.closeSync(file)
      this.#fileSystem.rmSync(temporary, { force: true })
      throw thrown
    }
    this.#complete(file, temporary, path, head, hasMode)
  }

  /** Creates a file, anew if an earlier process has left one of that name. */
  #create(path: string, mode: number): number {
    try {
      return this.#fileSystem.openSync(path, createFlags, mode)
    } catch (thrown) {
      if (errnoOf(thrown) !== 'EEXIST') throw thrown
      this.#fileSystem.rmSync(path, { force: true })
      return this.#fileSystem.openSync(path, createFlags, mode)
    }
  }

  /** Whether files that are created with this mode have it. It is looked at once: all are created in the same folder. */
  #holds(file: number, mode: number): boolean {
    const known = this.#createdWith.get(mode)
    if (known !== undefined) return known
    const holds = (this.#fileSystem.fstatSync(file).mode & 0o7777) === mode
    this.#createdWith.set(mode, holds)
    return holds
  }

  #restorePiece(item: WriteItem, index: number, account: Account): void {
    const { id, path, head, version, offset, length, bytes } = item
    const at = head.offset + offset
    if (head.size > chunkBytesMax || at + length > head.size) throw new Refusal('a piece that lies outside of its file')
    const key = stagedKey(path, head, version)
    const staged = this.#staged.write(key, head.size, { id, chunkAt: head.offset, at, length }, bytes, head.sparse)
    if (staged === undefined) return void account.unfinished.push(index)
    try {
      this.#complete(this.#staged.release(key), staged.path, path, head)
    } catch (thrown) {
      const reason = refusalOf(thrown)
      // This piece's own chunk is refused by the caller, like that of any other item.
      for (const [chunkAt, chunkId] of staged.chunks) if (chunkAt !== head.offset) account.refused.push({ id: chunkId, reason })
      throw thrown
    }
    account.arrived.push(...staged.chunks.values(), ...this.#names.arrived(path))
  }

  /** Mode and times, then the name. Closes the file. */
  #complete(file: number, temporary: string, path: RelativePath, head: EntryHead, hasMode = false): void {
    try {
      try {
        if (this.#owner !== undefined) this.#fileSystem.fchownSync(file, this.#owner.uid, this.#owner.gid)
        // Another owner costs a file the bits that run it as its owner.
        if (!hasMode || this.#owner !== undefined) this.#fileSystem.fchmodSync(file, head.mode)
        this.#fileSystem.futimesSync(file, mtimeOf(head), mtimeOf(head))
      } finally {
        this.#fileSystem.closeSync(file)
      }
      this.#place(temporary, path)
    } catch (thrown) {
      this.#fileSystem.rmSync(temporary, { force: true })
      throw thrown
    }
  }

  /** Gives something complete its name. */
  #place(temporary: string, path: RelativePath): void {
    try {
      this.#fileSystem.renameSync(temporary, absolutePath(this.#root, path))
    } catch (thrown) {
      if (errnoOf(thrown) !== 'ENOENT') throw thrown
      this.#folders.forgetChecks()
      throw new Refusal('its folder was removed meanwhile')
    }
  }

  /** Whether the same file is here already. Throws a Refusal when a newer one is, or a folder. */
  #isHere(path: RelativePath, head: EntryHead): boolean {
    const here = this.#fileSystem.lstatSync(absolutePath(this.#root, path), { throwIfNoEntry: false })
    if (here === undefined) return false
    if (here.isDirectory()) throw new Refusal('a folder is in its place')
    const aheadMs = here.mtimeMs - mtimeOf(head) * 1000
    // The runtime sets times to a quarter of a microsecond, and not every file system keeps them as fine.
    if (Math.abs(aheadMs) < 0.002)
      return head.type === 'file' && here.isFile() && here.size === head.size && (here.mode & 0o7777) === head.mode
    if (aheadMs > 0) throw new Refusal(here.isFile() ? 'a newer file is here' : 'something newer is here')
    return false
  }

  /** As isHere, for what is only asked about. */
  #isWhole(path: RelativePath, head: EntryHead): boolean {
    try {
      return this.#isHere(path, head)
    } catch (thrown) {
      refusalOf(thrown)
      return false
    }
  }

  #restoreLink(path: RelativePath, head: EntryHead): void {
    const absolute = absolutePath(this.#root, path)
    const target = Buffer.from(head.target)
    const here = this.#fileSystem.lstatSync(absolute, { throwIfNoEntry: false })
    if (here?.isSymbolicLink() === true && this.#fileSystem.readlinkSync(absolute, { encoding: 'buffer' }).equals(target)) return
    this.#isHere(path, head)
    const temporary = join(this.#staging, `l${this.#temporary++}`)
    this.#fileSystem.rmSync(temporary, { force: true })
    this.#fileSystem.symlinkSync(target, temporary)
    try {
      if (this.#owner !== undefined) this.#fileSystem.lchownSync(temporary, this.#owner.uid, this.#owner.gid)
      this.#fileSystem.lutimesSync(temporary, mtimeOf(head), mtimeOf(head))
      this.#place(temporary, path)
    } catch (thrown) {
      this.#fileSystem.rmSync(temporary, { force: true })
      throw thrown
    }
  }
}

/** Undefined for what is root's own, as all is that root makes. */
function ownerOf({ uid, gid }: Owner): Owner | undefined {
  return uid === 0 && gid === 0 ? undefined : { uid, gid }
}

/** A piece belongs to one state of its file: versions that differ in anything are never put together. */
function stagedKey(path: RelativePath, { size, mtimeS, mtimeNs }: EntryHead, version: string): string {
  return `${pathText(path)}\0${size} ${mtimeS} ${mtimeNs}\0${version}`
}

function upsert(sets: Map<string, Set<string>>, key: string): Set<string> {
  const known = sets.get(key) ?? new Set<string>()
  sets.set(key, known)
  return known
}
