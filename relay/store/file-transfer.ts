// Whole writes and reads over a DiskFile, which may do less than it was asked for. Nothing is joined or copied.

import { writePiecesMax } from '../../src/limits/relay.ts'
import type { DiskFile } from './disk.ts'

export interface WriteOutcome {
  /** Bytes that were written, from the first piece on. */
  readonly written: number
  /** Why not all were: what the disk threw. */
  readonly error?: unknown
}

/** Writes all pieces from `position` on, or as much as the disk takes. Doesn't throw. */
export async function writeFully(file: DiskFile, pieces: readonly Uint8Array[], position: number): Promise<WriteOutcome> {
  let written = 0
  let rest = behind(pieces, 0)
  while (rest.length > 0) {
    try {
      const count = await file.writev(rest.slice(0, writePiecesMax), position + written)
      if (count === 0) return { written, error: new Error('the disk took none of the bytes') }
      written += count
      rest = behind(rest, count)
    } catch (error) {
      return { written, error }
    }
  }
  return { written }
}

/** Fills all pieces from `position` on; false if the file ends before. Throws what reading throws. */
export async function readFully(file: DiskFile, pieces: readonly Uint8Array[], position: number): Promise<boolean> {
  let at = position
  let rest = behind(pieces, 0)
  while (rest.length > 0) {
    const count = await file.readv(rest, at)
    if (count === 0) return false
    at += count
    rest = behind(rest, count)
  }
  return true
}

/** What is left of the pieces without their first `count` bytes, and without empty ones. */
function behind(pieces: readonly Uint8Array[], count: number): Uint8Array[] {
  const left: Uint8Array[] = []
  let skip = count
  for (const piece of pieces) {
    if (skip < piece.length) left.push(skip > 0 ? piece.subarray(skip) : piece)
    skip = Math.max(0, skip - piece.length)
  }
  return left
}
