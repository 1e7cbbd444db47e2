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

/** Files of lines of JSON, as a cache's entries are: a compressor makes a quarter of them. */
export async function writeJsonTree({ path, files, bytesOf }: TreeOptions): Promise<void> {
  await mkdir(path, { recursive: true })
  for (let file = 0; file < files; file++) {
    const content = jsonLines(bytesOf(file), `session:${file}`)
    await writeFile(join(path, `entries-${file}.json`), content)
  }
}

export function jsonLines(bytes: number, prefix: string): Uint8Array<ArrayBuffer> {
  const content = Buffer.alloc(bytes)
  const ids = randomBytes(bytes / 8)
  for (let at = 0, line = 0; at < bytes; line++) {
    const id = ids.readUInt32LE((line * 4) % (ids.byteLength - 4))
    const entry = { key: `${prefix}:${line}`, customer: id, total: id % 9973, state: 'in the basket', items: [id % 97, id % 89, id % 83] }
    at += content.write(`${JSON.stringify(entry)}\n`, at)
  }
  return new Uint8Array(content.buffer)
}
