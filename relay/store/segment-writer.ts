// Appends one handoff's packs to segments, with group commit. Invariants: one write at a time; an append resolves only when its record, the segment's
// entry in the folder and the folders above are durable; a segment whose write or sync failed gets no further record and is cut back to what
// was durable before the next segment begins.
//
// The loop writes what waits; the segment's sync makes it durable while the loop writes on. The packs that wait belong to the callers, whose
// windows (relayWindowBytesTotal) bound them; they are let go as soon as they are written, and their callers are told.

import { dirname, join } from 'node:path'
import { asHeirloomError, type HeirloomError } from '../../src/errors.ts'
import { segmentBytesMax, writeGatherBytes, writePiecesMax } from '../../src/limits/relay.ts'
import type { Disk } from './disk.ts'
import { writeFully } from './file-transfer.ts'
import { Gather } from './gather.ts'
import type { PackPlace } from './pack-index.ts'
import type { FileLease, SegmentFiles } from './segment-files.ts'
import type { RecordDigest } from './record-digest.ts'
import { encodeRecordHeader, recordHeaderBytes, segmentName } from './segment-format.ts'
import type { PutOptions } from './store.ts'
import type { Turns } from './turns.ts'

export interface SegmentWriterOptions {
  readonly disk: Disk
  readonly files: SegmentFiles
  /** Which syncs of the whole store share. */
  readonly syncTurns: Turns
  readonly digest: RecordDigest
  /** Where a segment ends, in bytes. */
  readonly segmentBytes?: number | undefined
}

interface Append {
  readonly number: number
  readonly bytes: number
  /** Header and sealed pack; emptied as soon as they are written. */
  pieces: readonly Uint8Array[]
  readonly onWritten: (() => void) | undefined
  readonly resolve: (place: PackPlace) => void
  readonly reject: (error: unknown) => void
}

interface Segment {
  readonly sequence: number
  readonly path: string
  /** Makes what was written durable. Once it failed it fails for good. */
  readonly sync: Gather
  /** Where the next record begins. */
  end: number
  durableEnd: number
  /** Whether a write left bytes behind `end`, or a sync failed: no further record may go here. */
  isBroken: boolean
  /** Resolves when each append to this segment has been told how it went. */
  settled: Promise<unknown>
}

export class SegmentWriter {
  readonly #folder: string
  readonly #disk: Disk
  readonly #files: SegmentFiles
  readonly #syncTurns: Turns
  readonly #digest: RecordDigest
  readonly #segmentBytes: number
  #segments: number
  #segment: Segment | undefined
  #queue: Append[] = []
  #working: Promise<void> | undefined
  #again = false
  #refusal: HeirloomError | undefined

  /** Writes to `folder`, which lies in a pool's folder in the store's, from segment number `segments` on. */
  constructor(folder: string, segments: number, options: SegmentWriterOptions) {
    const { disk, files, syncTurns, digest, segmentBytes = segmentBytesMax } = options
    this.#folder = folder
    this.#disk = disk
    this.#files = files
    this.#syncTurns = syncTurns
    this.#digest = digest
    this.#segmentBytes = segmentBytes
    this.#segments = segments
  }

  /** How many segments there are or were: their sequence numbers are below this. */
  get segments(): number {
    return this.#segments
  }

  /** Resolves with the pack's place when it is durable. Throws `no-space` or `io`; the pieces must not change until then, or until `onWritten`. */
  append(number: number, sealed: readonly Uint8Array[], { onWritten }: PutOptions = {}): Promise<PackPlace> {
    const bytes = sealed.reduce((sum, piece) => sum + piece.length, 0)
    return new Promise((resolve, reject) => {
      if (this.#refusal !== undefined) return reject(this.#refusal)
      const pieces = [encodeRecordHeader(number, bytes, sealed, this.#digest), ...sealed]
      this.#queue.push({ number, bytes, pieces, onWritten, resolve, reject })
      this.#wake()
    })
  }

  /** Fails what waits to be written, and all that comes, with `error`. What is being written goes on. */
  refuse(error: HeirloomError): void {
    this.#refusal = error
    for (const append of this.#queue.splice(0)) append.reject(error)
  }

  /** Whether all that was written is durable, when nothing is under way. */
  get isSound(): boolean {
    return this.#segment?.isBroken !== true
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    do {
      await this.#working
      await this.#segment?.settled
    } while (this.#working !== undefined)
  }

  #wake(): void {
    this.#again = true
    this.#working ??= this.#work()
  }

  async #work(): Promise<void> {
    do {
      this.#again = false
      await this.#step()
    } while (this.#again || this.#queue.length > 0)
    this.#working = undefined
  }

  async #step(): Promise<void> {
    const batch = this.#takeBatch()
    try {
      await this.#retire()
      if (batch.length > 0) await this.#write((this.#segment ??= await this.#begin()), batch)
    } catch (error) {
      for (const append of batch) append.reject(asHeirloomError(error, 'io'))
    }
  }

  /** The appends that share the next write: at least one, if any waits. */
  #takeBatch(): Append[] {
    let bytes = 0
    let pieces = 0
    const fits = this.#queue.findIndex((append) => {
      const tooMuch = bytes > 0 && (bytes + append.bytes > writeGatherBytes || pieces + append.pieces.length > writePiecesMax)
      bytes += recordHeaderBytes + append.bytes
      pieces += append.pieces.length
      return tooMuch
    })
    return this.#queue.splice(0, fits < 0 ? this.#queue.length : fits)
  }

  /** Leaves the segment behind if it is full or failed. Throws if a failed one can't be cut; then the next step tries again. */
  async #retire(): Promise<void> {
    const segment = this.#segment
    if (segment === undefined || (segment.end < this.#segmentBytes && !segment.isBroken)) return
    await segment.settled
    if (segment.isBroken) {
      await this.#lend(segment.path, async ({ file }) => {
        await file.truncate(segment.durableEnd)
        await file.datasync()
      })
    }
    this.#segment = undefined
  }

  async #begin(): Promise<Segment> {
    const sequence = this.#segments++
    const path = join(this.#folder, segmentName(sequence))
    await this.#disk.makeFolder(this.#folder)
    const { release } = await this.#files.acquire(path, 'create')
    release()
    const segment = { sequence, path, end: 0, durableEnd: 0, isBroken: false, settled: Promise.resolve() }
    let isLinked = false
    let failure: { readonly error: unknown } | undefined
    const sync = new Gather(async () => {
      // After a failed sync the kernel takes pages for clean that it couldn't write: a second sync would succeed and lie.
      if (failure !== undefined) throw failure.error
      try {
        await this.#syncTurns.take(() => this.#lend(path, ({ file }) => file.datasync()))
        if (!isLinked) await this.#syncFolders()
        isLinked = true
      } catch (error) {
        failure = { error }
        segment.isBroken = true
        throw error
      }
    })
    return Object.assign(segment, { sync })
  }

  async #syncFolders(): Promise<void> {
    const pool = dirname(this.#folder)
    await Promise.all([this.#folder, pool, dirname(pool)].map((path) => this.#disk.syncFolder(path)))
  }

  /** Writes a batch as far as the disk takes it. The append that was cut fails, those behind it wait for the next step. */
  async #write(segment: Segment, batch: Append[]): Promise<void> {
    const lease = await this.#files.acquire(segment.path)
    const pieces = batch.flatMap((append) => append.pieces)
    const { written, error } = await writeFully(lease.file, pieces, segment.end)
    const writtenEnd = segment.end + written
    const whole: { append: Append; place: PackPlace }[] = []
    for (const append of batch) {
      const next = segment.end + recordHeaderBytes + append.bytes
      if (next > writtenEnd) break
      whole.push({ append, place: { segment: segment.sequence, offset: segment.end, bytes: append.bytes } })
      append.pieces = []
      append.onWritten?.()
      segment.end = next
    }
    const [cut, ...rest] = batch.slice(whole.length)
    if (cut !== undefined) {
      const failure = asHeirloomError(error, 'io')
      if (failure.code !== 'no-space' || !(await succeeds(lease.file.truncate(segment.end)))) segment.isBroken = true
      cut.reject(failure)
      if (this.#refusal === undefined) this.#queue.unshift(...rest)
      else for (const append of rest) append.reject(this.#refusal)
    }
    segment.settled = Promise.all([segment.settled, this.#acknowledge(segment, whole, lease)])
  }

  async #acknowledge(segment: Segment, whole: readonly { append: Append; place: PackPlace }[], lease: FileLease): Promise<void> {
    const end = segment.end
    try {
      if (whole.length > 0) await segment.sync.run()
      segment.durableEnd = Math.max(segment.durableEnd, end)
      for (const { append, place } of whole) append.resolve(place)
    } catch (error) {
      for (const { append } of whole) append.reject(asHeirloomError(error, 'io'))
      this.#wake()
    } finally {
      lease.release()
    }
  }

  async #lend(path: string, use: (lease: FileLease) => Promise<void>): Promise<void> {
    const lease = await this.#files.acquire(path)
    try {
      await use(lease)
    } finally {
      lease.release()
    }
  }
}

function succeeds(done: Promise<void>): Promise<boolean> {
  return done.then(
    () => true,
    () => false,
  )
}
