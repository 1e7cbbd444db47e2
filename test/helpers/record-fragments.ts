// Fragments of a key-value server, as they come out of a pack.

import { RecordsWriter, type Form } from '../../peer/source/keyed/records.ts'
import type { IncomingFragment } from '../../peer/source/source.ts'
import { isLeftOut, type ChunkPart, type LeftOut } from '../../src/chunk/chunk.ts'
import { cut } from '../contract/sink.ts'

export interface TestRecord {
  readonly key: string | Uint8Array
  readonly value: Uint8Array | string
  readonly form?: Form
  readonly hotness?: number
  readonly expiresAtMs?: number
}

/** One chunk of these records, in fragments with the given ends. */
export function recordFragments(id: string, records: readonly TestRecord[], ends?: readonly number[]): IncomingFragment[] {
  const bytes = records.map(({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value) }))
  const sum = (of: (each: (typeof bytes)[number]) => Buffer) => bytes.reduce((total, each) => total + of(each).byteLength, 0)
  const keys = sum(({ key }) => key)
  const writer = new RecordsWriter(
    records.length,
    keys,
    sum(({ value }) => value),
  )
  records.forEach(({ form = 'value', hotness = 0, expiresAtMs = 0 }, index) => {
    const { key, value } = bytes[index]!
    writer.add(form, hotness, expiresAtMs)
    writer.key(key, 0, key.byteLength)
    writer.value(value, 0, value.byteLength)
  })
  const head = {
    id,
    kind: 'data' as const,
    chunkBytes: writer.values.byteLength,
    version: '',
    expiresAtMs: 0,
    attributes: writer.attributes,
  }
  return cut(writer.values, ends).map((part) => ({ ...head, ...part }))
}

/** What was read, as it would come out of the packs. */
export function incoming(parts: readonly (ChunkPart | LeftOut)[]): IncomingFragment[] {
  return parts.flatMap((part) =>
    isLeftOut(part)
      ? []
      : {
          id: part.chunk.id,
          kind: part.chunk.kind,
          offset: part.offset,
          chunkBytes: part.chunkBytes,
          bytes: part.bytes,
          version: part.version ?? '',
          expiresAtMs: 0,
          attributes: part.attributes ?? new Uint8Array(0),
        },
  )
}
