// The record store on the relay's own disk: one JSON file a record, `POOL.HANDOFF.json`, in one folder. Invariants: a file is replaced as a whole
// (temporary file, sync, rename, sync of the folder), so a record is there as it was or as it is, never between; a save resolves when that
// is durable. A file that can't be read as a record is moved aside under a name that ends in `.damaged`, and isn't fatal.
//
// While a record is being written its newer saves wait, and only the newest of them is written: it holds what the others said. So each record has
// at most one write under way and one that waits. All records of a folder share its syncs.

import { dirname, join, resolve } from 'node:path'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { recordFileBytesMax, recordWritesMax } from '../../src/limits/relay.ts'
import { systemDisk, type Disk } from './disk.ts'
import { readFully, writeFully } from './file-transfer.ts'
import { Gather } from './gather.ts'
import { keyText } from './handoff-key.ts'
import { decodeRecord, encodeRecord } from './record-json.ts'
import type { HandoffKey, HandoffRecord, RecordStore } from './store.ts'
import { Turns } from './turns.ts'

const suffix = '.json'
const temporarySuffix = '.new'

export interface DiskRecordStoreOptions {
  /** Ends the opening. */
  readonly signal?: AbortSignal
  /** Told of files that were moved aside: an `io` error with a hint. */
  readonly onWarning?: (warning: HeirloomError) => void
  /** Where files are opened; tests inject faults here. */
  readonly disk?: Disk
}

/**
 * Opens the records in `directory`, which is made if it isn't there. Throws `busy` if another process has it open, `io` or
 * `no-space` if the disk fails, and the signal's reason.
 */
export async function openDiskRecordStore(directory: string, options: DiskRecordStoreOptions = {}): Promise<RecordStore> {
  const { signal, disk = systemDisk, onWarning = () => {} } = options
  const root = resolve(directory)
  signal?.throwIfAborted()
  await disk.makeFolder(root).catch(rethrowAsIo)
  const lock = disk.lock(root)
  try {
    await disk.syncFolder(dirname(root))
    const store = new OpenDiskRecordStore(root, disk, lock)
    await store.recover(onWarning, signal)
    return store
  } catch (error) {
    lock[Symbol.dispose]()
    signal?.throwIfAborted()
    throw asHeirloomError(error, 'io')
  }
}

interface Slot {
  /** What the disk has; undefined: nothing. */
  durable: HandoffRecord | undefined
  /** What it should have. */
  wanted: HandoffRecord | undefined
  /** Brings the disk to what is wanted. */
  readonly write: Gather
}

class OpenDiskRecordStore implements RecordStore {
  readonly #root: string
  readonly #disk: Disk
  readonly #lock: Disposable
  readonly #slots = new Map<string, Slot>()
  readonly #folderSync: Gather
  readonly #turns = new Turns(recordWritesMax)
  readonly #writes = new Set<Promise<void>>()
  #closing: Promise<void> | undefined

  constructor(root: string, disk: Disk, lock: Disposable) {
    this.#root = root
    this.#disk = disk
    this.#lock = lock
    this.#folderSync = new Gather(() => disk.syncFolder(root))
  }

  async recover(onWarning: (warning: HeirloomError) => void, signal: AbortSignal | undefined): Promise<void> {
    for (const name of await this.#disk.list(this.#root)) {
      signal?.throwIfAborted()
      const path = join(this.#root, name)
      if (name.endsWith(temporarySuffix)) await this.#disk.remove(path)
      if (!name.endsWith(suffix)) continue
      const record = await readRecord(this.#disk, path)
      if (record !== undefined && name === fileName(record.key)) {
        const slot = this.#slot(record.key)
        slot.durable = slot.wanted = record
        continue
      }
      await this.#disk.rename(path, `${path}.damaged`)
      const hint = `its handoff is forgotten; ${path}.damaged is kept for whoever wants to look at it`
      onWarning(new HeirloomError('io', `${path} is not a record of a handoff`, { hint }))
    }
    await this.#disk.syncFolder(this.#root)
  }

  *list(): IterableIterator<HandoffRecord> {
    for (const { durable } of this.#slots.values()) if (durable !== undefined) yield durable
  }

  save(record: HandoffRecord): Promise<void> {
    return this.#want(record.key, { ...record, header: new Uint8Array(record.header) })
  }

  delete(key: HandoffKey): Promise<void> {
    return this.#want(key, undefined)
  }

  /** Waits for the writes under way, then gives the folder free. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#writes).then(() => this.#lock[Symbol.dispose]())
    return this.#closing
  }

  async #want(key: HandoffKey, record: HandoffRecord | undefined): Promise<void> {
    if (this.#closing !== undefined) throw new HeirloomError('draining', 'the store is closed')
    const slot = this.#slot(key)
    slot.wanted = record
    const write = slot.write.run()
    this.#writes.add(write)
    try {
      await write
    } catch (error) {
      throw asHeirloomError(error, 'io')
    } finally {
      this.#writes.delete(write)
    }
  }

  #slot(key: HandoffKey): Slot {
    const id = keyText(key)
    let slot = this.#slots.get(id)
    if (slot === undefined) {
      const write = new Gather(() => this.#turns.take(() => this.#write(id, created)))
      const created: Slot = { durable: undefined, wanted: undefined, write }
      slot = created
      this.#slots.set(id, slot)
    }
    return slot
  }

  async #write(id: string, slot: Slot): Promise<void> {
    const record = slot.wanted
    const path = join(this.#root, id + suffix)
    if (record === undefined) await this.#disk.remove(path)
    else await this.#replace(path, Buffer.from(encodeRecord(record)))
    await this.#folderSync.run()
    slot.durable = record
    if (slot.wanted === undefined && record === undefined) this.#slots.delete(id)
  }

  /** Puts `bytes` in the place of the file at `path`, so that after a crash either the old or the new file is whole. */
  async #replace(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = path + temporarySuffix
    await this.#disk.remove(temporary)
    try {
      const file = await this.#disk.file(temporary, 'create')
      try {
        const { error } = await writeFully(file, [bytes], 0)
        if (error !== undefined) throw error
        await file.datasync()
      } finally {
        await file.close()
      }
      await this.#disk.rename(temporary, path)
    } catch (error) {
      await this.#disk.remove(temporary).catch(() => {}) // The next opening removes it.
      throw error
    }
  }
}

/** The record in a file, or undefined if what is in it is none. Throws `io` if the disk doesn't say: that it can't be read now is no damage. */
async function readRecord(disk: Disk, path: string): Promise<HandoffRecord | undefined> {
  try {
    const file = await disk.file(path, 'open')
    try {
      const bytes = await file.size()
      if (bytes > recordFileBytesMax) return undefined
      const text = Buffer.alloc(bytes)
      return (await readFully(file, [text], 0)) ? parseRecord(text.toString('utf8')) : undefined
    } finally {
      await file.close()
    }
  } catch (cause) {
    const hint = 'look at the disk; without that file the relay starts, and knows nothing of its handoff'
    throw new HeirloomError('io', `${path} can't be read`, { cause, hint })
  }
}

function parseRecord(text: string): HandoffRecord | undefined {
  try {
    return decodeRecord(text)
  } catch {
    return undefined
  }
}

function fileName(key: HandoffKey): string {
  return keyText(key) + suffix
}

function rethrowAsIo(error: unknown): never {
  throw asHeirloomError(error, 'io')
}
