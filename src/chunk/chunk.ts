// The unit of division, and what is known of it before it is read.

/** `metadata` is what data builds on: it is obtained, sent and restored first (claim 10). */
export type ChunkKind = 'metadata' | 'data'

/** One entry of an inventory. Only the id is sure; all else are hints. */
export interface Chunk {
  /** Unique within its source; at most chunkIdBytesMax UTF-8 bytes. */
  readonly id: string
  readonly kind: ChunkKind
  /** Expected size; unknown when absent. */
  readonly bytes?: number
  /** How likely it is to be read soon, or any other weight ≥ 0: only the ratios count. */
  readonly readProbability?: number
  /** The application's own rank; higher goes first among chunks that are otherwise equal. */
  readonly priority?: number
  /** Its only copy is here. */
  readonly dirty?: boolean
  /** For last-writer-wins; opaque, compared by the source's own adapter. */
  readonly version?: string
  /** Another one whenever the content is another, as far as the source can tell; absent when it can't. Only known while it is listed. */
  readonly stamp?: string
  /** Wall time in ms after which it is worthless. */
  readonly expiresAtMs?: number
  /** Where the successor can get it without us, a URL or a path: sent by reference. */
  readonly origin?: string
  /** SHA-256 of its content in hexadecimal: the successor takes nothing else from `origin`. */
  readonly digest?: string
  /** Chunks of one group belong together. */
  readonly group?: string
  /** Which part of a divided state it is in, where the source says. Only known while it is listed. */
  readonly part?: string
}

/** Why a chunk didn't go, for the receipt. */
export type LeftOutReason =
  | 'deadline'
  | 'limit'
  | 'expired'
  | 'origin'
  | 'changed'
  | 'vanished'
  | 'unreadable'
  | 'too-large'
  | 'unsupported'
  | 'source-failed'
  | 'undeliverable'

export interface LeftOut {
  readonly chunk: Chunk
  readonly leftOut: LeftOutReason
  /** For the operator: what happened. */
  readonly detail?: string
}

/** Bytes of a chunk as they were read: all of it, or a part. Parts of one chunk come in order of offset. */
export interface ChunkPart {
  readonly chunk: Chunk
  /** Where in the chunk the bytes begin. */
  readonly offset: number
  /** The whole chunk's size as it turned out, which may differ from the inventory. */
  readonly chunkBytes: number
  readonly bytes: Uint8Array
  /** The source needs the bytes no more: their memory, if they have it for themselves, is given back once they are sealed. */
  readonly isGiven?: boolean
  readonly version?: string
  /** What the adapter on the other side needs beyond the bytes. */
  readonly attributes?: Uint8Array
}

export function isLeftOut(part: ChunkPart | LeftOut): part is LeftOut {
  return 'leftOut' in part
}
