// Fragments of directories for tests: made by hand, and as a source reads them.

import * as assert from 'uvu/assert'
import { isLeftOut } from '../../src/chunk/chunk.ts'
import { encodeAttributes } from '../../peer/source/directory/attributes.ts'
import { noTarget, type EntryHead, type RelativePath } from '../../peer/source/directory/entry.ts'
import { createDirectorySink } from '../../peer/source/directory/sink.ts'
import { createDirectorySource } from '../../peer/source/directory/source.ts'
import type { IncomingFragment } from '../../peer/source/source.ts'
import { end } from '../contract/sink.ts'
import { list, never } from '../contract/source.ts'
import type { TempDirectory } from './temp.ts'
import { counted, type CountedSink } from './counted-sink.ts'

/** When fragments were written, in seconds. */
export const mtimeS = 1_700_000_000

export function headOf(given: Partial<EntryHead>): EntryHead {
  return { type: 'file', mode: 0o644, mtimeS, mtimeNs: 250_000_000, size: 0, offset: 0, target: noTarget, ...given }
}

export function fragment(path: RelativePath, bytes: Uint8Array | string = '', head: Partial<EntryHead> = {}): IncomingFragment {
  const content = Buffer.from(bytes)
  const attributes = encodeAttributes(path, headOf({ size: content.byteLength, ...head }))
  return {
    id: String(path),
    kind: head.type === undefined ? 'data' : 'metadata',
    offset: 0,
    chunkBytes: content.byteLength,
    bytes: content,
    version: '',
    expiresAtMs: 0,
    attributes,
  }
}

export function sinkAt(temp: TempDirectory, staging = '.heirloom-test'): CountedSink {
  return counted(createDirectorySink({ name: 'files', path: temp.path, staging: temp.at(staging) }))
}

interface Options {
  readonly xattrs?: boolean
}

/** All of a directory as it would come over the wire. */
export async function fragmentsIn(from: string, options: Options = {}): Promise<IncomingFragment[]> {
  await using source = createDirectorySource({ name: 'files', path: from, ...options })
  const parts = (await Array.fromAsync(source.read(await list(source), never()))).flat()
  return parts.map((part) => {
    if (isLeftOut(part)) throw new Error(`${part.chunk.id}: ${part.detail}`)
    const { id, kind } = part.chunk
    return { ...part, id, kind, version: part.version ?? '', expiresAtMs: 0, attributes: part.attributes! }
  })
}

/** Hands a directory over, without anything between. */
export async function handOver(from: string, temp: TempDirectory, options: Options = {}): Promise<void> {
  await using sink = createDirectorySink({ name: 'files', path: temp.path, staging: temp.at('.heirloom-test'), ...options })
  for (const fragment of await fragmentsIn(from, options)) assert.equal((await sink.restore([fragment], never())).refused, [])
  await sink.finish(end, never())
}
