// The floor under the small files: the same files written by a bare loop of system calls, each made as a restore must make it so that it
// becomes visible whole. What this loop doesn't reach, nothing on the same disk reaches on one thread.

import { randomBytes } from 'node:crypto'
import { closeSync, fchmodSync, futimesSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { filesPerFolder, type TreeOptions } from './tree.ts'

const mode = 0o644
const mtimeS = 1_700_000_000
/** Each file begins elsewhere in the same random bytes. */
const offsetsMax = 65_536

/** Writes the files and answers how many a second. */
export function writeBareFiles({ path, files, bytesOf }: TreeOptions): number {
  const sizes = Array.from({ length: files }, (_, index) => bytesOf(index))
  const content = randomBytes(sizes.reduce((most, bytes) => Math.max(most, bytes), 0) + offsetsMax)
  const staging = join(path, '.staging')
  const startedMs = performance.now()
  mkdirSync(staging, { recursive: true })
  sizes.forEach((bytes, index) => {
    const folder = `${path}/folder-${Math.floor(index / filesPerFolder)}`
    if (index % filesPerFolder === 0) mkdirSync(folder)
    const temporary = `${staging}/w${index}`
    const file = openSync(temporary, 'wx', 0o600)
    writeSync(file, content, (index * 7919) % offsetsMax, bytes, 0)
    fchmodSync(file, mode)
    futimesSync(file, mtimeS, mtimeS)
    closeSync(file)
    renameSync(temporary, `${folder}/file-${index}`)
  })
  return (files * 1000) / (performance.now() - startedMs)
}
