// The threads of a bare copy: one reads files in batches of a pack, the other writes them so that each becomes visible whole.

import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { batchesOf } from '../../peer/source/batches.ts'
import { packBytesTarget } from '../../src/limits/wire.ts'

export interface CopyWork {
  readonly kind: 'read' | 'write'
  readonly root: string
}

interface CopiedFile {
  readonly path: string
  /** Of the whole file. */
  readonly size: number
  readonly mode: number
  readonly mtimeS: number
  /** Which part of it this is. */
  readonly at: number
  readonly bytes: number
}

export interface CopyBatch {
  readonly files: readonly CopiedFile[]
  /** The parts one after the other, from `bodyAt` on. */
  readonly buffer: ArrayBuffer
  readonly bodyAt: number
}

function* parts(root: string): Generator<CopiedFile> {
  for (const entry of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const absolute = join(entry.parentPath, entry.name)
    const { size, mode, mtimeMs } = fs.lstatSync(absolute)
    const path = absolute.slice(root.length + 1)
    for (let at = 0; at < size || at === 0; at += packBytesTarget)
      yield { path, size, mode: mode & 0o7777, mtimeS: mtimeMs / 1000, at, bytes: Math.min(packBytesTarget, size - at) }
  }
}

function readBatch(root: string, files: readonly CopiedFile[]): CopyBatch {
  const memory = Buffer.allocUnsafeSlow(files.reduce((sum, { bytes }) => sum + bytes, 0))
  let end = 0
  for (const { path, at, bytes } of files) {
    const file = fs.openSync(`${root}/${path}`, 'r')
    end += fs.readSync(file, memory, end, bytes, at)
    fs.closeSync(file)
  }
  return { files, buffer: memory.buffer, bodyAt: 0 }
}

/** Files in pieces that are not whole yet. */
const open = new Map<string, { readonly file: number; readonly staged: string; left: number }>()
let created = 0

function writeBatch(root: string, { files, buffer, bodyAt }: CopyBatch): void {
  let from = bodyAt
  for (const { path, size, mode, mtimeS, at, bytes } of files) {
    let target = open.get(path)
    if (target === undefined) {
      const staged = `${root}/.staging/${created++}`
      target = { file: fs.openSync(staged, 'wx', mode), staged, left: size }
      if (bytes < size) fs.ftruncateSync(target.file, size)
      open.set(path, target)
    }
    fs.writeSync(target.file, new Uint8Array(buffer, from, bytes), 0, bytes, at)
    from += bytes
    target.left -= bytes
    if (target.left > 0) continue
    open.delete(path)
    fs.futimesSync(target.file, mtimeS, mtimeS)
    fs.closeSync(target.file)
    place(target.staged, `${root}/${path}`)
  }
  buffer.transfer(0)
}

const folders = new Set<string>()

function place(staged: string, path: string): void {
  const folder = dirname(path)
  if (!folders.has(folder)) fs.mkdirSync(folder, { recursive: true })
  folders.add(folder)
  fs.renameSync(staged, path)
}

const { kind, root } = workerData as CopyWork
const port = parentPort!
if (kind === 'read') {
  const listed = batchesOf(parts(root), ({ bytes }) => bytes)
  port.on('message', () => {
    const { value, done } = listed.next()
    const batch = done === true ? undefined : readBatch(root, value)
    port.postMessage(batch, batch === undefined ? [] : [batch.buffer])
  })
} else {
  fs.mkdirSync(`${root}/.staging`, { recursive: true })
  port.on('message', (batch: CopyBatch) => {
    writeBatch(root, batch)
    port.postMessage(undefined)
  })
}
