// The two ports between Heirloom and an application's state: a source is where it comes from, a sink is where it goes
// back to. One adapter implements both. Contract suite: test/contract/source.ts.
//
// Invariant: a source or sink that fails, hangs or lies costs its own state only.

import type { Chunk, ChunkKind, ChunkPart, LeftOut } from '../../src/chunk/chunk.ts'

/** What a source is told when it is asked for its inventory (CONTRACT, "The app API"). */
export interface InventoryQuery {
  /** The handoff's id in hexadecimal. */
  readonly handoff: string
  readonly reason: string
  /** Time left until packs stop. */
  readonly deadlineMs: number
  /** Measured or assumed; what can be moved is about this times the deadline. */
  readonly rateBytesPerSecond: number
  readonly budgetBytes: number
  /** The source was asked before; the rate has changed much since. */
  readonly requery?: boolean
  /** The parts that the state is divided into among several heirs; a chunk may say whose it is. */
  readonly parts?: readonly string[]
  /** Of such a state: the part of a key, for whoever makes chunks of several keys. */
  readonly partOf?: (key: string | Uint8Array, group?: string | Uint8Array) => string
}

export interface WaitOptions {
  readonly signal: AbortSignal
}

export interface ReadOptions extends WaitOptions {
  /** So many read side by side, one for each part of a divided state: each may have its share of what the source does at a time. Without it: one. */
  readonly readers?: number
}

export interface Source extends AsyncDisposable {
  readonly name: string
  readonly kind: string
  /** Gets to know the state before any notice (walks, samples), so that the inventory is quick. Throws `aborted` when that is asked for meanwhile. Safe to repeat. */
  warm(options: WaitOptions): Promise<void>
  /** The chunks in the source's own order, in batches as they become known; an empty one says that it is still at it. Throws HeirloomError when the source can't say. */
  inventory(query: InventoryQuery, options: WaitOptions): AsyncIterable<Chunk[]>
  /**
   * Reads these chunks, in this order, in batches of parts of at most packBytesTarget bytes each. What can't be read is
   * a LeftOut; a chunk that changed while it was read is never yielded mixed.
   * Several may read at a time, and one that doesn't go on must not hold up the others.
   * Throws only when the whole source is gone.
   */
  read(chunks: readonly Chunk[], options: ReadOptions): AsyncIterable<(ChunkPart | LeftOut)[]>
}

/** A fragment as it came out of an opened pack. */
export interface IncomingFragment {
  readonly id: string
  readonly kind: ChunkKind
  readonly offset: number
  readonly chunkBytes: number
  readonly bytes: Uint8Array
  readonly version: string
  /** 0: never. */
  readonly expiresAtMs: number
  readonly attributes: Uint8Array
}

/** The head of a fragment, and how many bytes it had. */
export type RecalledFragment = Omit<IncomingFragment, 'bytes'> & { readonly length: number }

export interface Refused {
  readonly id: string
  readonly reason: string
  /** The chunk that `id` is only a part of, as a key of a server is. */
  readonly chunk?: string
}

/** Chunks whose last fragment was among those given, and that are in none of these lists, are in place. */
export interface RestoreOutcome {
  /** Indexes of the fragments that belong to something unfinished: the journal keeps their heads for `recall`. */
  readonly unfinished: readonly number[]
  /** Those of the unfinished whose chunk is in place all the same: folders, whose times come last. */
  readonly inPlace?: readonly number[]
  /** Ids of chunks that were unfinished, and are in place with these fragments. */
  readonly arrived?: readonly string[]
  /** Not restored, for good: out of date, a bad name, no room at the application … */
  readonly refused: readonly Refused[]
}

/** What a sink is told at the end. */
export interface SinkEnd {
  /** All that was planned has come. */
  readonly complete: boolean
  /** The receipt as JSON text (CONTRACT: the body of POST /warm/v1/ready). */
  readonly receipt: string
}

export interface RestoreOptions extends WaitOptions {
  /** Somebody waits for it: it goes before what was given earlier, where that matters. */
  readonly isUrgent?: boolean
  /** The memory that the fragments are views of, whole, is the sink's from the call on: nobody else reads it any more. */
  readonly isGiven?: boolean
}

export interface Sink extends AsyncDisposable {
  readonly name: string
  readonly kind: string
  /** Whether nobody reads the fragments any more once `restore` has resolved: their memory is used again then. */
  readonly returnsMemory?: boolean
  /** Whether it makes use of memory that it is given (`isGiven`): giving it costs the giver some notes. */
  readonly takesMemory?: boolean
  /**
   * Restores one pack's fragments in their order. When it resolves, they are in place or in the sink's own staging, and
   * outlive this process. The same fragment may come again, also after a crash in the middle: the result is the same.
   * Throws when the sink as a whole is gone (disk full, application dead).
   */
  restore(fragments: readonly IncomingFragment[], options: RestoreOptions): Promise<RestoreOutcome>
  /** After a restart: fragments (without their bytes) that were unfinished when the journal was written, in that order. */
  recall(fragments: readonly RecalledFragment[], options: WaitOptions): Promise<void>
  /** All that will come has come: puts the last things right and drops what stayed unfinished. Answers what is in place after all, and what an operator should know. */
  finish(end: SinkEnd, options: WaitOptions): Promise<{ arrived?: readonly string[]; notes?: readonly string[] }>
}
