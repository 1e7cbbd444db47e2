// Reads files, folders and links by their chunks' ids, synchronously: it runs on a thread of its own. A file is read with its state
// compared before and after, so that what changes meanwhile is left out and never mixed. Nothing is read through a link.

import type { BigIntStats } from 'node:fs'
import { constants } from 'node:fs'
import type { LeftOutReason } from '../../../src/chunk/chunk.ts'
import { asHeirloomError } from '../../../src/errors.ts'
import { packBytesTarget } from '../../../src/limits/wire.ts'
import { noTarget, type EntryHead, type EntryType, type RelativePath } from './entry.ts'
import { errnoOf, nodeFileSystem, type FileSystem } from './file-system.ts'
import { absolutePath, parentPath, parseId, pathBytes, pathFromText, pathText, type EntryId } from './path.ts'
import { isSameState, versionOf } from './file-state.ts'

export interface ReadItem {
  readonly id: string
  /** As the walk found it; what is read may differ. */
  readonly bytes: number
  /** Of a piece: the state that its file must still have. Empty: any. */
  readonly version: string
}

export interface ReadContent {
  readonly path: RelativePath
  readonly bytes: Uint8Array
  readonly head: EntryHead
  readonly version: string
}

export interface NotRead {
  readonly leftOut: LeftOutReason
  readonly detail: string
}

export interface FileReaderOptions {
  readonly root: string
  readonly fileSystem?: FileSystem
}

const reasons: Readonly<Record<string, LeftOutReason>> = { ENOENT: 'vanished', ENOTDIR: 'vanished', ELOOP: 'changed' }

/** Not this item's fault: the process has no descriptors or memory left, and the next item would fare no better. */
const wholeErrors: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM'])

/** O_NONBLOCK: a pipe that took a file's place must not hold us up. */
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

export class FileReader {
  readonly #root: string
  readonly #fileSystem: FileSystem
  /** Folders that were found to be folders and no links, in this batch. */
  #inside = new Set<string>()

  constructor({ root, fileSystem = nodeFileSystem }: FileReaderOptions) {
    this.#root = root
    this.#fileSystem = fileSystem
  }

  /** Reads items in their order into `memory`. Throws only what concerns them all. */
  readBatch(items: readonly ReadItem[], memory: BatchMemory): (ReadContent | NotRead)[] {
    this.#inside = new Set([''])
    return items.map((item) => this.#read(item, memory))
  }

  #read(item: ReadItem, memory: BatchMemory): ReadContent | NotRead {
    const id = parseId(item.id)
    if (id === undefined) return { leftOut: 'unsupported', detail: 'not an id of this directory' }
    try {
      this.#expectFolder(parentPath(id.path))
      if (id.type === 'name') return this.#readName(id, item)
      if (id.type !== 'file') return this.#readMetadata(id)
      // One more attempt: a file that is written now and then should not be left out for a moment's coincidence.
      return this.#readFile(id, item, memory) ?? this.#readFile(id, item, memory) ?? changed(id)
    } catch (thrown) {
      const errno = errnoOf(thrown)
      if (errno === '' || wholeErrors.has(errno)) throw thrown
      return { leftOut: reasons[errno] ?? 'unreadable', detail: asHeirloomError(thrown).message }
    }
  }

  /** A folder that became a link since the walk would lead out of the root. */
  #expectFolder(path: RelativePath): void {
    const text = pathText(path)
    if (path.length === 0 || this.#inside.has(text)) return
    this.#expectFolder(parentPath(path))
    const stats = this.#fileSystem.lstatSync(absolutePath(this.#root, path))
    if (!stats.isDirectory())
      throw Object.assign(new Error(`${text} is no folder any more`), { code: stats.isSymbolicLink() ? 'ELOOP' : 'ENOTDIR' })
    this.#inside.add(text)
  }

  #readMetadata(id: EntryId): ReadContent | NotRead {
    const path = absolutePath(this.#root, id.path)
    const stats = this.#fileSystem.lstatSync(path, { bigint: true })
    if (id.type === 'directory' ? !stats.isDirectory() : !stats.isSymbolicLink()) return changed(id)
    const target = id.type === 'link' ? new Uint8Array(this.#fileSystem.readlinkSync(path, { encoding: 'buffer' })) : noTarget
    return { path: id.path, bytes: noTarget, head: headOf(id.type, stats, 0, target), version: '' }
  }

  /** One more name of a file, which is still the same. */
  #readName(id: EntryId, { version }: ReadItem): ReadContent | NotRead {
    const target = pathFromText(version)
    const state = (path: RelativePath) => this.#fileSystem.lstatSync(absolutePath(this.#root, path), { bigint: true })
    const [stats, file] = [state(id.path), state(target)]
    if (!stats.isFile() || stats.ino !== file.ino || stats.dev !== file.dev) return changed(id)
    return { path: id.path, bytes: noTarget, head: headOf('name', stats, 0, pathBytes(target)), version: '' }
  }

  /** Undefined when it changed while it was read. */
  #readFile(id: EntryId, item: ReadItem, memory: BatchMemory): ReadContent | NotRead | undefined {
    const file = this.#fileSystem.openSync(absolutePath(this.#root, id.path), openFlags)
    try {
      const before = this.#fileSystem.fstatSync(file, { bigint: true })
      const offset = id.offset ?? 0
      const size = Number(before.size)
      if (!before.isFile() || (item.version !== '' && item.version !== versionOf(before))) return changed(id)
      if (id.offset === undefined && size > packBytesTarget) return changed(id, 'has outgrown one chunk')
      // Pieces are as long as the inventory says, which knows where they were cut.
      const length = Math.min(id.offset !== undefined && item.bytes > 0 ? item.bytes : packBytesTarget, size - offset)
      if (length < 0 || (id.offset !== undefined && length === 0)) return changed(id)
      const bytes = memory.take(length)
      const isSame = this.#fill(file, bytes, offset) && isSameState(before, this.#fileSystem.fstatSync(file, { bigint: true }))
      if (!isSame) {
        memory.giveBack(bytes)
        return undefined
      }
      const version = id.offset === undefined ? '' : versionOf(before)
      return { path: id.path, bytes, head: headOf('file', before, offset, noTarget), version }
    } finally {
      this.#fileSystem.closeSync(file)
    }
  }

  #fill(file: number, bytes: Uint8Array, position: number): boolean {
    let filled = 0
    while (filled < bytes.byteLength) {
      const count = this.#fileSystem.readSync(file, bytes, filled, bytes.byteLength - filled, position + filled)
      if (count === 0) return false
      filled += count
    }
    return true
  }
}

function changed({ path }: EntryId, what = 'changed while it was handed over'): NotRead {
  return { leftOut: 'changed', detail: `${pathText(path)} ${what}` }
}

const billion = 1_000_000_000n

function headOf(type: EntryType, stats: BigIntStats, offset: number, target: Uint8Array): EntryHead {
  const seconds = Number(stats.mtimeNs / billion)
  const nanoseconds = Number(stats.mtimeNs % billion)
  // Before 1970 both are negative.
  const isBefore = nanoseconds < 0
  return {
    type,
    mode: Number(stats.mode) & 0o7777,
    mtimeS: isBefore ? seconds - 1 : seconds,
    mtimeNs: isBefore ? nanoseconds + 1e9 : nanoseconds,
    size: type === 'file' || type === 'name' ? Number(stats.size) : 0,
    offset,
    target,
    ...(type === 'file' && stats.blocks * 512n < stats.size && { sparse: true }),
  }
}

/** The memory of one batch: the bodies lie one after the other, in one buffer unless files have grown since the walk. */
export class BatchMemory {
  readonly buffers: ArrayBuffer[] = []
  #at = 0

  constructor(bytes: number) {
    this.buffers.push(uncleared(bytes))
  }

  take(length: number): Uint8Array<ArrayBuffer> {
    let buffer = this.buffers.at(-1)!
    if (this.#at + length > buffer.byteLength) {
      buffer = uncleared(Math.max(length, packBytesTarget / 4))
      this.buffers.push(buffer)
      this.#at = 0
    }
    this.#at += length
    return new Uint8Array(buffer, this.#at - length, length)
  }

  /** Takes back what was taken last. */
  giveBack(bytes: Uint8Array): void {
    this.#at -= bytes.byteLength
  }
}

/** Every byte that is used of it is read into first. */
function uncleared(bytes: number): ArrayBuffer {
  return Buffer.allocUnsafeSlow(bytes).buffer
}
