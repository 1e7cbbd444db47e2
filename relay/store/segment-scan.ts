// Reads a segment from its beginning and says which whole packs it holds. Invariant: a record is reported only if its header is whole and
// the file has all its bytes; with `verify` also only if the bytes match their digest. Memory: one buffer and the largest pack, however large the segment.
//
// Where no header stands, the next one that is whole is looked for: what follows a damaged record was acknowledged, too.

import { scanBufferBytes } from '../../src/limits/relay.ts'
import type { DiskFile } from './disk.ts'
import { decodeRecordHeader, matchesHeader, recordHeaderBytes, recordMagic, type RecordHeader } from './segment-format.ts'

export interface ScannedRecord {
  readonly number: number
  /** Where the record begins. */
  readonly offset: number
  /** Length of the sealed pack in bytes. */
  readonly bytes: number
}

export interface SegmentScan {
  /** The end of the last whole record: what lies behind it is a torn tail. */
  readonly end: number
  /** How many damaged records, or stretches of bytes that are none, have a whole record somewhere behind them. */
  readonly damaged: number
  /** Where the first of them begins. */
  readonly firstDamagedAt: number | undefined
  /** Where whole headers stand before packs that aren't what they were written for, up to `end`. */
  readonly damagedHeaders: readonly number[]
}

export interface ScanOptions {
  /** Read the packs as well and compare their digests. Without it only headers are read: enough for a segment that was synced. */
  readonly verify: boolean
  readonly signal?: AbortSignal | undefined
  /** Called for each whole record, in order of offset. */
  readonly onRecord: (record: ScannedRecord) => void
}

/** Scans the first `size` bytes of a segment. Throws what reading throws, and the signal's reason. */
export async function scanSegment(file: DiskFile, size: number, { verify, signal, onRecord }: ScanOptions): Promise<SegmentScan> {
  const reader = new SegmentReader(file, size)
  let end = 0
  let damaged = 0
  let firstDamagedAt: number | undefined
  /** Where damage began that has no whole record behind it yet, and how much of it. */
  let doubtful: { readonly at: number; count: number; readonly headers: number[] } | undefined
  const damagedHeaders: number[] = []
  let position = 0
  while (position < size) {
    signal?.throwIfAborted()
    const header = await reader.header(position)
    const next = header === undefined ? Infinity : position + recordHeaderBytes + header.bytes
    if (header !== undefined && next <= size && (!verify || (await reader.matches(header, position)))) {
      onRecord({ number: header.number, offset: position, bytes: header.bytes })
      damaged += doubtful?.count ?? 0
      firstDamagedAt ??= doubtful?.at
      damagedHeaders.push(...(doubtful?.headers ?? []))
      doubtful = undefined
      position = end = next
    } else {
      doubtful ??= { at: position, count: 0, headers: [] }
      doubtful.count++
      if (next <= size) doubtful.headers.push(position)
      // A whole header vouches for its length, so its record is skipped; unless it reaches beyond the end: then it is a torn one.
      position = next <= size ? next : await reader.findHeader(position + 1)
    }
  }
  return { end, damaged, firstDamagedAt, damagedHeaders }
}

class SegmentReader {
  readonly #file: DiskFile
  readonly #size: number
  readonly #buffer = Buffer.allocUnsafeSlow(scanBufferBytes)
  /** The pack that is compared. */
  #pack = new Uint8Array(0)
  /** What of the file the buffer holds. */
  #start = 0
  #end = 0

  constructor(file: DiskFile, size: number) {
    this.#file = file
    this.#size = size
  }

  async header(position: number): Promise<RecordHeader | undefined> {
    if (position + recordHeaderBytes > this.#size) return undefined
    return decodeRecordHeader(await this.#read(position, recordHeaderBytes))
  }

  async matches(header: RecordHeader, offset: number): Promise<boolean> {
    if (this.#pack.length < header.bytes) this.#pack = new Uint8Array(header.bytes)
    const pack = this.#pack.subarray(0, header.bytes)
    for (let filled = 0; filled < pack.length;) {
      const piece = await this.#read(offset + recordHeaderBytes + filled, 1)
      if (piece.length === 0) return false
      const part = piece.subarray(0, pack.length - filled)
      pack.set(part, filled)
      filled += part.length
    }
    return matchesHeader(header, pack)
  }

  /** Where the next whole header begins, from `from` on; the file's size if there is none. */
  async findHeader(from: number): Promise<number> {
    let position = from
    while (position + recordHeaderBytes <= this.#size) {
      const window = await this.#read(position, recordHeaderBytes)
      if (window.length < recordHeaderBytes) break
      for (let found = window.indexOf(recordMagic); found >= 0; found = window.indexOf(recordMagic, found + 1)) {
        if (found + recordHeaderBytes > window.length) break
        if (decodeRecordHeader(window, found) !== undefined) return position + found
      }
      // A header may begin in the last bytes of this window, so the next one overlaps it.
      position += window.length - recordHeaderBytes + 1
    }
    return this.#size
  }

  /** The bytes from `position` on that the buffer can hold, at least `atLeast` unless the file ends before. Valid until the next call. */
  async #read(position: number, atLeast: number): Promise<Buffer> {
    if (position < this.#start || position + atLeast > this.#end) {
      this.#start = this.#end = position
      const wanted = Math.min(this.#buffer.length, this.#size - position)
      while (this.#end - position < wanted) {
        const count = await this.#file.readv([this.#buffer.subarray(this.#end - position, wanted)], this.#end)
        if (count === 0) break
        this.#end += count
      }
    }
    return this.#buffer.subarray(position - this.#start, this.#end - this.#start)
  }
}
