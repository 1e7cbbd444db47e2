// Finds everything below a root, without following links. Synchronous (an asynchronous call costs ten times as much), so it runs on the
// reader's thread, a folder at a time.
//
// A walk is kept, and the next one is quick: a folder whose own times are unchanged has the same names in it, so only those of its files are
// looked at again whose state matters most: large ones, whose pieces must agree on a version, and recently written ones, which are likely to be
// written again and decide the order. Of the others a stale size or time is only a stale hint: what is sent is what is read later.

import type { Stats } from 'node:fs'
import { matchesGlob } from 'node:path'
import { asHeirloomError, HeirloomError } from '../../../src/errors.ts'
import { namedFilesMax, walkKeptEntriesMax } from '../../../src/limits/source.ts'
import { chunkBytesMax, chunkIdBytesMax, packBytesTarget } from '../../../src/limits/wire.ts'
import type { Entry, RelativePath } from './entry.ts'
import { versionOf } from './file-state.ts'
import { nodeFileSystem, type FileSystem } from './file-system.ts'
import { absolutePath, formatId, joinPath, pathFromBytes, pathText, stagingPrefix } from './path.ts'

export interface WalkerOptions {
  readonly root: string
  /** Globs of relative paths; only what matches one, and nothing that matches one. Folders are walked whether or not they match `include`. */
  readonly include?: readonly string[] | undefined
  readonly exclude?: readonly string[] | undefined
  readonly fileSystem?: FileSystem
}

/** Told of what can't go: a socket, a device, a folder that can't be read. */
export type OnSkipped = (path: string, why: string) => void

interface Folder {
  /** The folder's own times when its names were read; undefined when they were so fresh that a change right after wouldn't show. */
  readonly stamp: string | undefined
  readonly lookedMs: number
  readonly entries: readonly Entry[]
}

/** Timestamps of a file system may be this coarse: what changed within it of being looked at may change again unseen. */
const coarseMs = 1000

/** Files written within this long before the last walk are looked at again. */
const recentMs = 60 * 60 * 1000

export class Walker {
  readonly #options: WalkerOptions
  readonly #fileSystem: FileSystem
  #kept = new Map<string, Folder>()

  constructor(options: WalkerOptions) {
    this.#options = options
    this.#fileSystem = options.fileSystem ?? nodeFileSystem
  }

  /** All entries as of `nowMs`, a folder at a time, a folder before what is in it. Throws `io` when the root itself can't be read. */
  *walk(nowMs: number, onSkipped: OnSkipped): Generator<readonly Entry[]> {
    const kept = new Map<string, Folder>()
    const pending: RelativePath[] = ['']
    const names = new Map<string, RelativePath>()
    let entriesTotal = 0
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      const folder = this.#look(path, nowMs, onSkipped)
      entriesTotal += folder.entries.length + 1
      if (entriesTotal <= walkKeptEntriesMax) kept.set(pathText(path), folder)
      for (const entry of folder.entries) if (entry.type === 'directory') pending.push(entry.path)
      if (folder.entries.length > 0) yield folder.entries.map((entry) => named(entry, names))
    }
    this.#kept = kept
  }

  /** A folder's entries: from the last walk where it is unchanged, else read. */
  #look(path: RelativePath, nowMs: number, onSkipped: OnSkipped): Folder {
    const stamp = this.#stamp(path, nowMs)
    const last = this.#kept.get(pathText(path))
    if (last !== undefined && stamp !== undefined && last.stamp === stamp) {
      return { stamp, lookedMs: nowMs, entries: last.entries.flatMap((entry) => this.#again(entry, last.lookedMs, onSkipped)) }
    }
    const entries: Entry[] = []
    const names = this.#names(path, onSkipped)
    for (const name of names ?? []) {
      if (path === '' && typeof name === 'string' && name.startsWith(stagingPrefix)) continue
      const entry = this.#entry(joinPath(path, name), onSkipped)
      if (entry !== undefined && !this.#isExcluded(entry)) entries.push(entry)
    }
    return { stamp: names === undefined ? undefined : stamp, lookedMs: nowMs, entries }
  }

  #stamp(path: RelativePath, nowMs: number): string | undefined {
    const stats = this.#fileSystem.lstatSync(absolutePath(this.#options.root, path), { bigint: true, throwIfNoEntry: false })
    if (stats === undefined || Number(stats.ctimeMs) + coarseMs > nowMs) return undefined
    return versionOf(stats)
  }

  #again(entry: Entry, lookedMs: number, onSkipped: OnSkipped): Entry | Entry[] {
    if (entry.type !== 'file' || (entry.version === undefined && entry.mtimeMs + recentMs < lookedMs)) return entry
    return this.#entry(entry.path, onSkipped) ?? []
  }

  #names(folder: RelativePath, onSkipped: OnSkipped): RelativePath[] | undefined {
    const path = absolutePath(this.#options.root, folder)
    try {
      const names = this.#fileSystem.readdirSync(path)
      if (!names.some((name) => name.includes('\ufffd'))) return names
      return this.#fileSystem.readdirSync(path, { encoding: 'buffer' }).map(pathFromBytes)
    } catch (thrown) {
      const { message } = asHeirloomError(thrown)
      if (folder.length === 0)
        throw new HeirloomError('io', `${this.#options.root} can't be read: ${message}`, {
          cause: thrown,
          hint: 'is it there, and may this user read it?',
        })
      onSkipped(pathText(folder), message)
      return undefined
    }
  }

  #entry(path: RelativePath, onSkipped: OnSkipped): Entry | undefined {
    const absolute = absolutePath(this.#options.root, path)
    let stats: Stats
    let version: string | undefined
    try {
      stats = this.#fileSystem.lstatSync(absolute)
      // Exact times cost more, and only pieces need them.
      if (stats.isFile() && stats.size > packBytesTarget) version = versionOf(this.#fileSystem.lstatSync(absolute, { bigint: true }))
    } catch {
      // Gone since the folder was read: nothing to hand over. (Or a runtime that can't name what isn't UTF-8.)
      if (typeof path !== 'string') onSkipped(pathText(path), 'a name that is not UTF-8 and can not be opened')
      return undefined
    }
    const problem = problemOf(path, stats)
    if (problem !== undefined) {
      onSkipped(pathText(path), problem)
      return undefined
    }
    const { mtimeMs, size } = stats
    if (!stats.isFile()) return { path, type: stats.isDirectory() ? 'directory' : 'link', size: 0, mtimeMs }
    const inode = stats.nlink > 1 ? { inode: `${stats.dev}:${stats.ino}` } : undefined
    return version === undefined
      ? { path, type: 'file', size, mtimeMs, ...inode }
      : { path, type: 'file', size, mtimeMs, version, ...inode }
  }

  #isExcluded({ path, type }: Entry): boolean {
    const { include, exclude } = this.#options
    if (include === undefined && exclude === undefined) return false
    const text = pathText(path)
    if (exclude?.some((glob) => matchesGlob(text, glob)) === true) return true
    return include !== undefined && type !== 'directory' && !include.some((glob) => matchesGlob(text, glob))
  }
}

/** A file that was found under another name already is one more name of it. */
function named(entry: Entry, names: Map<string, RelativePath>): Entry {
  if (entry.inode === undefined) return entry
  const first = names.get(entry.inode)
  if (first !== undefined) return { path: entry.path, type: 'name', size: 0, mtimeMs: entry.mtimeMs, version: pathText(first) }
  if (names.size < namedFilesMax) names.set(entry.inode, entry.path)
  return entry
}

function problemOf(path: RelativePath, stats: Stats): string | undefined {
  if (!stats.isFile() && !stats.isDirectory() && !stats.isSymbolicLink()) return 'neither file, directory nor symbolic link'
  if (stats.size > chunkBytesMax) return `larger than ${chunkBytesMax} bytes`
  // An id has at most three bytes for each unit of the path, and an offset.
  if (3 * path.length + 32 <= chunkIdBytesMax) return undefined
  const longestId = formatId({ path, type: 'file', offset: stats.size })
  return Buffer.byteLength(longestId) > chunkIdBytesMax ? 'its name is too long' : undefined
}
