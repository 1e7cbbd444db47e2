// Where a large file is cut by its content. The file is read for it, so it is done before any notice, a stretch at a time: between two stretches the
// thread answers other calls. A file that changed since has no cuts, and is divided evenly.

import { constants } from 'node:fs'
import { cutLength } from '../../../src/chunk/content-cutter.ts'
import { cutStretchBytes } from '../../../src/limits/source.ts'
import { versionOf } from './file-state.ts'
import { nodeFileSystem, type FileSystem } from './file-system.ts'
import { absolutePath, pathFromText } from './path.ts'

export interface CutRequest {
  readonly kind: 'cut'
  /** As pathText has it. */
  readonly path: string
  readonly version: string
  /** Where a piece begins. */
  readonly from: number
  readonly targetBytes: number
}

export interface CutAnswer {
  /** Where pieces after `from` begin, in this stretch. */
  readonly cuts: Float64Array
  /** The file is at its end, or isn't the one that was listed any more. */
  readonly end: 'reached' | 'changed' | undefined
}

const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** Cuts the next stretch of a file. Throws what the system's calls throw. */
export function cutStretch(root: string, request: CutRequest, fileSystem: FileSystem = nodeFileSystem): CutAnswer {
  const { path, version, from, targetBytes } = request
  const file = fileSystem.openSync(absolutePath(root, pathFromText(path)), openFlags)
  try {
    const stats = fileSystem.fstatSync(file, { bigint: true })
    if (versionOf(stats) !== version) return { cuts: new Float64Array(0), end: 'changed' }
    const stretch = new Uint8Array(Math.min(cutStretchBytes, Number(stats.size) - from))
    let filled = 0
    for (let count = -1; filled < stretch.byteLength && count !== 0; filled += count) {
      count = fileSystem.readSync(file, stretch, filled, stretch.byteLength - filled, from + filled)
    }
    const cuts: number[] = []
    let at = 0
    for (let length = cutLength(stretch, targetBytes); length !== undefined; length = cutLength(stretch.subarray(at), targetBytes)) {
      at += length
      if (from + at < Number(stats.size)) cuts.push(from + at)
    }
    return { cuts: Float64Array.from(cuts), end: from + filled >= Number(stats.size) ? 'reached' : undefined }
  } finally {
    fileSystem.closeSync(file)
  }
}
