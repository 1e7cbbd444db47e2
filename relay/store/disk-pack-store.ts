// The pack store on the relay's own disk. The format is documented in segment-format.ts. Invariants of the port hold after a kill and after a power cut;
// only one process has a directory open; memory is the index (at most 40 bytes a pack) and what callers are writing or reading.

import { dirname, join, resolve } from 'node:path'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { scansMax, syncsMax } from '../../src/limits/relay.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { systemDisk, type Disk } from './disk.ts'
import { isHandoffId, isPoolId, keyText } from './handoff-key.ts'
import { droppedSuffix, HandoffLog, type LogContext } from './handoff-log.ts'
import { emptyHandoff, recoverHandoff } from './handoff-recovery.ts'
import { SegmentFiles } from './segment-files.ts'
import { quickestDigest, type RecordDigest } from './record-digest.ts'
import type { HandoffKey, PackStore, PutOptions, StoredHandoff } from './store.ts'
import { Turns } from './turns.ts'

export interface DiskPackStoreOptions {
  /** Ends the opening. */
  readonly signal?: AbortSignal
  /** Told of damage on the disk, at the opening and later: an `io` error with a hint. */
  readonly onWarning?: (warning: HeirloomError) => void
  /** Where files are opened; tests inject faults here. */
  readonly disk?: Disk
  /** Where a segment ends, in bytes; segmentBytesMax unless told. */
  readonly segmentBytes?: number
  /** How records are told from damaged ones; the quickest way here unless told. Both are read. */
  readonly digest?: RecordDigest
}

/** A pack store that also counts the damaged records it found since it was opened. */
export interface DiskPackStore extends PackStore {
  readonly damaged: number
}

/**
 * Opens the store in `directory`, which is made if it isn't there, and rebuilds the index.
 * Throws `busy` if another process has it open, `io` or `no-space` if the disk fails, and the signal's reason.
 */
export async function openDiskPackStore(directory: string, options: DiskPackStoreOptions = {}): Promise<DiskPackStore> {
  const { signal, disk = systemDisk, onWarning = () => {}, segmentBytes, digest = quickestDigest() } = options
  const root = resolve(directory)
  signal?.throwIfAborted()
  await disk.makeFolder(root).catch(rethrowAsIo)
  const lock = disk.lock(root)
  try {
    await disk.syncFolder(dirname(root))
    const figures = { bytes: 0, damaged: 0 }
    const files = new SegmentFiles(disk)
    const context = { disk, files, syncTurns: new Turns(syncsMax), figures, onWarning, segmentBytes, digest }
    const store = new OpenDiskPackStore(root, context, lock)
    await store.recover(signal)
    return store
  } catch (error) {
    lock[Symbol.dispose]()
    signal?.throwIfAborted()
    throw asHeirloomError(error, 'io')
  }
}

/** An empty file in the store's folder while it was closed in peace. */
const closedName = 'closed'

class OpenDiskPackStore implements DiskPackStore {
  readonly #root: string
  readonly #context: LogContext
  readonly #lock: Disposable
  readonly #logs = new Map<string, { readonly key: HandoffKey; readonly log: HandoffLog }>()
  /** Reads under way, which closing waits for. */
  readonly #reads = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(root: string, context: LogContext, lock: Disposable) {
    this.#root = root
    this.#context = context
    this.#lock = lock
  }

  get damaged(): number {
    return this.#context.figures.damaged
  }

  async recover(signal: AbortSignal | undefined): Promise<void> {
    const { disk } = this.#context
    const keys: HandoffKey[] = []
    const names = await disk.list(this.#root)
    const wasClosed = names.includes(closedName)
    // Before anything is written that it doesn't vouch for.
    if (wasClosed) {
      await disk.remove(join(this.#root, closedName))
      await disk.syncFolder(this.#root)
    }
    for (const pool of names) {
      if (!isPoolId(pool)) continue
      for (const handoff of await disk.list(join(this.#root, pool))) {
        if (isHandoffId(handoff)) keys.push({ pool, handoff })
        else if (handoff.endsWith(droppedSuffix)) await disk.remove(join(this.#root, pool, handoff))
      }
    }
    // A few at a time, each worker taking the next: as many as there are threads for file access.
    const next = keys.values()
    const work = async () => {
      for (const key of next) await this.#recoverHandoff(key, wasClosed, signal)
    }
    const outcomes = await Promise.allSettled(Array.from({ length: scansMax }, work))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    for (const pool of new Set(keys.map((key) => key.pool))) await disk.syncFolder(join(this.#root, pool))
    await disk.syncFolder(this.#root)
  }

  async #recoverHandoff(key: HandoffKey, wasClosed: boolean, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    const folder = this.#folder(key)
    const found = await recoverHandoff(folder, { ...this.#context, wasClosed, signal })
    this.#context.figures.damaged += found.damaged
    this.#context.figures.bytes += found.bytes
    if (found.segments > 0) this.#logs.set(keyText(key), { key, log: new HandoffLog(folder, found, this.#context) })
    else await this.#context.disk.removeEmptyFolder(folder).catch(() => {}) // What somebody else put there stays.
  }

  *list(): IterableIterator<StoredHandoff> {
    for (const { key, log } of this.#logs.values()) {
      if (log.isOnDisk) yield { key, bytes: log.bytes, packs: log.have.size }
    }
  }

  have(key: HandoffKey): PackSet {
    return this.#logs.get(keyText(key))?.log.have ?? new PackSet()
  }

  bytes(key?: HandoffKey): number {
    return key === undefined ? this.#context.figures.bytes : (this.#logs.get(keyText(key))?.log.bytes ?? 0)
  }

  async put(key: HandoffKey, number: number, sealed: readonly Uint8Array[], options?: PutOptions): Promise<void> {
    this.#assertOpen()
    await this.#log(key).put(number, sealed, options)
  }

  async get(key: HandoffKey, number: number): Promise<Uint8Array | undefined> {
    this.#assertOpen()
    const read = this.#logs.get(keyText(key))?.log.get(number)
    if (read === undefined) return undefined
    this.#reads.add(read)
    try {
      return await read
    } finally {
      this.#reads.delete(read)
    }
  }

  async drop(key: HandoffKey): Promise<void> {
    this.#assertOpen()
    const found = this.#logs.get(keyText(key))
    if (found === undefined) return
    await found.log.drop()
    if (this.#logs.get(keyText(key)) === found) this.#logs.delete(keyText(key))
  }

  /** Waits for what is under way, then closes files and lock. New calls are refused from the first moment. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#reads, ...this.#logs.values().map(({ log }) => log.idle())])
    await this.#context.files.closeAll()
    // A disk that fails now leaves the next start some more work.
    if (this.#logs.values().every(({ log }) => log.isSound)) await this.#markClosed().catch(() => {})
    this.#lock[Symbol.dispose]()
  }

  /** All is durable: the next start needn't write anything again. */
  async #markClosed(): Promise<void> {
    const { disk } = this.#context
    const file = await disk.file(join(this.#root, closedName), 'create')
    await file.close()
    await disk.syncFolder(this.#root)
  }

  /** The handoff's log, which is made at its first put. */
  #log(key: HandoffKey): HandoffLog {
    const id = keyText(key)
    let found = this.#logs.get(id)
    if (found === undefined) {
      found = { key: { pool: key.pool, handoff: key.handoff }, log: new HandoffLog(this.#folder(key), emptyHandoff(), this.#context) }
      this.#logs.set(id, found)
    }
    return found.log
  }

  #folder({ pool, handoff }: HandoffKey): string {
    return join(this.#root, pool, handoff)
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new HeirloomError('draining', 'the store is closed')
  }
}

function rethrowAsIo(error: unknown): never {
  throw asHeirloomError(error, 'io')
}
