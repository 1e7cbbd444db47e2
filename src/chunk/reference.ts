// A chunk that goes by reference: shared storage, or its origin, has it already, and the heir fetches it there.

import { HeirloomError } from '../errors.ts'
import { chunkBytesMax, chunkIdBytesMax, originBytesMax, sourcesMax } from '../limits/wire.ts'
import type { Reference as WireReference } from '../wire/gen/pack_pb.ts'
import type { Chunk } from './chunk.ts'

export interface Reference {
  readonly source: number
  readonly id: string
  /** A URL, or the absolute path of a file. */
  readonly origin: string
  readonly bytes: number | undefined
  /** SHA-256 in hexadecimal. */
  readonly digest: string | undefined
  readonly version: string
  /** 0: never. */
  readonly expiresAtMs: number
  readonly readProbability: number
}

/** Whether the heir may fetch it: what data builds on, and what has its only copy here, always goes itself. */
export function isReferable({ kind, dirty, origin }: Chunk): boolean {
  return origin !== undefined && dirty !== true && kind === 'data' && Buffer.byteLength(origin) <= originBytesMax
}

export function referenceTo(source: number, chunk: Chunk): Reference {
  const { id, origin = '', bytes, digest, version = '', expiresAtMs = 0, readProbability = 1 } = chunk
  return { source, id, origin, bytes, digest, version, expiresAtMs, readProbability }
}

/** What it takes up in a pack, about. */
export function referenceBytes({ id, origin, version }: Reference): number {
  return 3 * (id.length + origin.length + version.length) + 80
}

/** As the fields of its message. */
export function writeReference({ id, bytes, digest, expiresAtMs, ...rest }: Reference) {
  return {
    ...rest,
    id: new TextEncoder().encode(id),
    ...(bytes !== undefined && { bytes: BigInt(Math.floor(bytes)) }),
    digest: new Uint8Array(Buffer.from(digest ?? '', 'hex')),
    expiresAtMs: BigInt(Math.floor(expiresAtMs)),
  }
}

/** Throws `malformed` or `too-large`. */
export function readReference({ source, id, origin, bytes, digest, version, expiresAtMs, readProbability }: WireReference): Reference {
  const text = utf8(id)
  if (source >= sourcesMax) throw new HeirloomError('malformed', `a reference is of source ${source}`)
  if (id.byteLength > chunkIdBytesMax || Buffer.byteLength(origin) > originBytesMax || (bytes ?? 0n) > BigInt(chunkBytesMax))
    throw new HeirloomError('too-large', 'a reference is out of bounds')
  if (digest.byteLength !== 0 && digest.byteLength !== 32) throw new HeirloomError('malformed', 'a digest of a reference has no 32 bytes')
  return {
    source,
    id: text,
    origin,
    bytes: bytes === undefined ? undefined : Number(bytes),
    digest: digest.byteLength === 0 ? undefined : Buffer.from(digest).toString('hex'),
    version,
    expiresAtMs: expiresAtMs > BigInt(Number.MAX_SAFE_INTEGER) ? 0 : Number(expiresAtMs),
    readProbability: readProbability >= 0 && Number.isFinite(readProbability) ? readProbability : 1,
  }
}

function utf8(id: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(id)
  } catch (cause) {
    throw new HeirloomError('malformed', 'the id of a reference is no UTF-8', { cause })
  }
}
