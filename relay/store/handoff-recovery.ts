// Rebuilds what a store knows of one handoff from its segments, after any kind of end. Invariants: what it reports as there is durable when it returns;
// the torn tail of the last segment is cut, and the heads of its damaged records are blotted out; nothing else on the disk is changed.
//
// Only the last segment is read in full: the ones before were synced before their successor began, so their headers tell all, and a
// pack that rotted there meets its checksum when it is read. A restart thus costs what was written lately, not what is stored.

import { join } from 'node:path'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { scanBufferBytes } from '../../src/limits/relay.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { Disk, DiskFile } from './disk.ts'
import { writeFully } from './file-transfer.ts'
import { PackIndex } from './pack-index.ts'
import { recordHeaderBytes, segmentName, segmentSequence } from './segment-format.ts'
import { scanSegment } from './segment-scan.ts'

export interface RecoveredHandoff {
  readonly index: PackIndex
  readonly have: PackSet
  /** Sealed bytes in all. */
  bytes: number
  /** Damaged stretches that were skipped. */
  damaged: number
  /** Sequence number for the next segment. */
  segments: number
}

export interface RecoveryOptions {
  readonly disk: Disk
  /** All was durable when the store was closed: nothing is written again. */
  readonly wasClosed: boolean
  readonly signal?: AbortSignal | undefined
  /** Told of all that was damaged. A torn tail is no damage but the ordinary end of a process that was killed. */
  readonly onWarning: (warning: HeirloomError) => void
}

/** What a handoff without any segment is. */
export function emptyHandoff(): RecoveredHandoff {
  return { index: new PackIndex(), have: new PackSet(), bytes: 0, damaged: 0, segments: 0 }
}

/**
 * Reads the segments in `folder`. A segment that can't be read counts as damaged from there on; one that can't be synced could only be counted on or
 * given up, and both might be wrong: then it throws. An abort ends with the signal's reason.
 */
export async function recoverHandoff(folder: string, { disk, wasClosed, signal, onWarning }: RecoveryOptions): Promise<RecoveredHandoff> {
  const found = emptyHandoff()
  const sequences = (await disk.list(folder)).map(segmentSequence).filter((sequence) => sequence !== undefined)
  sequences.sort((one, other) => one - other)
  const last = sequences.at(-1)
  if (last === undefined) return found
  found.segments = last + 1
  if (!wasClosed) await makeDurable(join(folder, segmentName(last)), disk)
  for (const sequence of sequences) {
    const path = join(folder, segmentName(sequence))
    try {
      await recoverSegment(found, path, sequence, sequence === last, { disk, signal, onWarning })
    } catch (cause) {
      signal?.throwIfAborted()
      found.damaged++
      const hint = 'look at the disk; packs that could not be read are gone unless their predecessor sends them again'
      onWarning(new HeirloomError('io', `${path} can't be read to its end`, { cause, hint }))
    }
  }
  await disk.syncFolder(folder)
  return found
}

/**
 * A process that was killed leaves bytes that the kernel holds and the disk doesn't: they count only once they are synced. And if a sync has failed
 * before, the kernel takes them for written. So it is given them again, that the sync is a true one.
 */
async function makeDurable(path: string, disk: Disk): Promise<void> {
  const file = await disk.file(path, 'open')
  try {
    await writeAgain(file).catch((thrown: unknown) => {
      // Where even the same bytes take new space, a full disk keeps them from being given again, and nothing more.
      if (asHeirloomError(thrown, 'io').code !== 'no-space') throw thrown
    })
    await file.datasync()
  } catch (cause) {
    await writeAgain(file).catch(() => {})
    const hint = 'look at the disk; the store opens when it takes writes again'
    throw new HeirloomError('io', `${path} can't be synced`, { cause, hint })
  } finally {
    await file.close()
  }
}

async function writeAgain(file: DiskFile): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(scanBufferBytes)
  for (let at = 0; ;) {
    // What can't be read is damage, which the scan tells.
    const count = await file.readv([buffer], at).catch(() => 0)
    if (count === 0) return
    const { error } = await writeFully(file, [buffer.subarray(0, count)], at)
    if (error !== undefined) throw error
    at += count
  }
}

async function recoverSegment(
  found: RecoveredHandoff,
  path: string,
  segment: number,
  isLast: boolean,
  { disk, signal, onWarning }: Omit<RecoveryOptions, 'wasClosed'>,
): Promise<void> {
  const file = await disk.file(path, 'open')
  try {
    const size = await file.size()
    const { end, damaged, firstDamagedAt, damagedHeaders } = await scanSegment(file, size, {
      verify: isLast,
      signal,
      onRecord({ number, offset, bytes }) {
        // It was put again because the one before was damaged.
        if (found.have.has(number)) found.bytes -= found.index.get(number)!.bytes
        found.index.set(number, { segment, offset, bytes })
        found.have.add(number)
        found.bytes += bytes
      },
    })
    if (firstDamagedAt !== undefined) onWarning(damageWarning(path, firstDamagedAt))
    found.damaged += damaged
    if (isLast) {
      await blotOut(file, damagedHeaders)
      if (end < size) await file.truncate(end)
      if (end < size || damagedHeaders.length > 0) await file.datasync()
    } else if (end < size) {
      // This one was synced whole once, so its end is damage and stays for whoever wants to look at it.
      found.damaged++
      onWarning(damageWarning(path, end))
    }
  } finally {
    await file.close()
  }
}

/** Once this isn't the last segment any more its headers are believed. */
async function blotOut(file: DiskFile, headers: readonly number[]): Promise<void> {
  for (const offset of headers) {
    const { error } = await writeFully(file, [new Uint8Array(recordHeaderBytes)], offset)
    if (error !== undefined) throw error
  }
}

function damageWarning(path: string, offset: number): HeirloomError {
  return new HeirloomError('io', `${path} is damaged at offset ${offset}; what is damaged is skipped`, {
    hint: 'check the disk: a pack that was written whole has changed since',
  })
}
