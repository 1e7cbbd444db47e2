// One handoff's packs on disk. Invariant: a pack is in `have` and can be read only when it is durable; what is in neither costs no memory beyond
// the caller's own.

import { dirname, join } from 'node:path'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import type { PackSet } from '../../src/wire/pack-set.ts'
import { readFully } from './file-transfer.ts'
import type { RecoveredHandoff } from './handoff-recovery.ts'
import { assertPackBounds } from './pack-bounds.ts'
import type { PackIndex, PackPlace } from './pack-index.ts'
import type { PutOptions } from './store.ts'
import { decodeRecordHeader, matchesHeader, recordHeaderBytes, segmentName } from './segment-format.ts'
import { SegmentWriter, type SegmentWriterOptions } from './segment-writer.ts'

/** What a handoff's folder is called while its files are being removed. */
export const droppedSuffix = '.dropped'

/** What the logs of one store share. */
export interface LogContext extends SegmentWriterOptions {
  readonly figures: StoreFigures
  readonly onWarning: (warning: HeirloomError) => void
}

/** Sums over all handoffs of a store. */
export interface StoreFigures {
  /** Sealed bytes of the packs that are durable. */
  bytes: number
  /** Damaged records found since the store was opened. */
  damaged: number
}

export class HandoffLog {
  readonly #folder: string
  readonly #context: LogContext
  readonly #index: PackIndex
  readonly #writer: SegmentWriter
  /** Puts that aren't durable yet, so that a repeat of one joins it. */
  readonly #pending = new Map<number, Promise<void>>()
  readonly have: PackSet
  #bytes: number
  #isDropped = false
  #dropping: Promise<void> | undefined

  constructor(folder: string, { index, have, bytes, segments }: RecoveredHandoff, context: LogContext) {
    this.#folder = folder
    this.#context = context
    this.#index = index
    this.have = have
    this.#bytes = bytes
    this.#writer = new SegmentWriter(folder, segments, context)
  }

  /** Sealed bytes of the packs that are durable. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether the handoff has, or may have, a folder on disk. */
  get isOnDisk(): boolean {
    return this.#writer.segments > 0
  }

  /** As PackStore.put. */
  async put(number: number, sealed: readonly Uint8Array[], options?: PutOptions): Promise<void> {
    assertPackBounds(number, sealed)
    if (this.have.has(number)) return
    let pending = this.#pending.get(number)
    if (pending === undefined) {
      pending = this.#append(number, sealed, options)
      this.#pending.set(number, pending)
    }
    await pending
  }

  async #append(number: number, sealed: readonly Uint8Array[], options: PutOptions | undefined): Promise<void> {
    try {
      const place = await this.#writer.append(number, sealed, options)
      if (this.#isDropped) throw droppedError()
      this.#index.set(number, place)
      this.have.add(number)
      this.#count(place.bytes)
    } finally {
      this.#pending.delete(number)
    }
  }

  /** As PackStore.get. A pack that isn't what its record says is forgotten, so that it can be put again. */
  async get(number: number): Promise<Uint8Array | undefined> {
    const place = this.have.has(number) ? this.#index.get(number) : undefined
    if (place === undefined) return undefined
    const sealed = new Uint8Array(Buffer.allocUnsafeSlow(place.bytes).buffer)
    try {
      if (await this.#read(number, place, sealed)) return sealed
    } catch (error) {
      if (this.#isDropped) return undefined
      throw asHeirloomError(error, 'io')
    }
    throw this.#reportDamage(number, place)
  }

  /** Whether the pack's record is whole and in `sealed` now. */
  async #read(number: number, { segment, offset }: PackPlace, sealed: Uint8Array): Promise<boolean> {
    const { file, release } = await this.#context.files.acquire(join(this.#folder, segmentName(segment)))
    try {
      const head = new Uint8Array(recordHeaderBytes)
      if (!(await readFully(file, [head, sealed], offset))) return false
      const header = decodeRecordHeader(head)
      return header?.number === number && matchesHeader(header, sealed)
    } finally {
      release()
    }
  }

  #reportDamage(number: number, { segment, offset, bytes }: PackPlace): HeirloomError {
    const path = join(this.#folder, segmentName(segment))
    const error = new HeirloomError('io', `pack ${number} at offset ${offset} of ${path} has changed on disk`, {
      hint: 'check the disk; the pack is gone unless its predecessor sends it again',
    })
    if (this.#index.get(number)?.offset === offset && this.have.delete(number)) {
      this.#count(-bytes)
      this.#context.figures.damaged++
      this.#context.onWarning(error)
    }
    return error
  }

  /** As PackStore.drop. If it fails it can be repeated; the handoff takes no more packs in between. */
  drop(): Promise<void> {
    this.#dropping ??= this.#drop().catch((error: unknown) => {
      this.#dropping = undefined
      throw asHeirloomError(error, 'io')
    })
    return this.#dropping
  }

  async #drop(): Promise<void> {
    this.#isDropped = true
    this.#writer.refuse(droppedError())
    await this.#writer.idle()
    this.#count(-this.#bytes)
    for (const number of this.have) this.have.delete(number)
    await this.#context.files.close(
      Array.from({ length: this.#writer.segments }, (_, sequence) => join(this.#folder, segmentName(sequence))),
    )
    if (!this.isOnDisk) return
    // The rename makes the removal one step: after a crash in the middle the handoff is gone, and the next start removes the rest.
    const { disk } = this.#context
    const dropped = this.#folder + droppedSuffix
    await disk.remove(dropped)
    await disk.rename(this.#folder, dropped).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
    await disk.syncFolder(dirname(this.#folder))
    await disk.remove(dropped)
  }

  /** Whether all that its files hold is durable, when nothing is under way. */
  get isSound(): boolean {
    return this.#writer.isSound && !this.#isDropped
  }

  /** Resolves when all that is under way is done. */
  async idle(): Promise<void> {
    await Promise.allSettled([this.#writer.idle(), this.#dropping])
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#context.figures.bytes += bytes
  }
}

function droppedError(): HeirloomError {
  return new HeirloomError('not-found', 'the handoff was dropped')
}
