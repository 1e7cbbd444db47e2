// Directories to hand over: random files, some to a folder.

import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface TreeOptions {
  readonly path: string
  readonly files: number
  /** The size of each file. */
  readonly bytesOf: (index: number) => number
}

export const filesPerFolder = 1000
/** Files that are written at a time. */
const writesMax = 16
/** Each file begins elsewhere in the same random bytes, so that no two are alike. */
const offsetsMax = 65_536

export async function writeTree({ path, files, bytesOf }: TreeOptions): Promise<void> {
  const sizes = Array.from({ length: files }, (_, index) => bytesOf(index))
  const content = randomBytes(sizes.reduce((most, bytes) => Math.max(most, bytes), 0) + offsetsMax)
  for (let folder = 0; folder * filesPerFolder < files; folder++) await mkdir(join(path, `folder-${folder}`), { recursive: true })
  let next = 0
  const write = async () => {
    for (let index = next++; index < files; index = next++) {
      const start = (index * 7919) % offsetsMax
      const file = join(path, `folder-${Math.floor(index / filesPerFolder)}`, `file-${index}`)
      await writeFile(file, content.subarray(start, start + sizes[index]!))
    }
  }
  await Promise.all(Array.from({ length: writesMax }, write))
}
