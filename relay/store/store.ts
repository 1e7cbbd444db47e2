// The two ports of the relay's store: packs, and the records of handoffs. Contract suites: test/contract/pack-store.ts and record-store.ts.
//
// Invariants: what put or save has resolved for survives a kill and a power cut; a torn tail is cut and never served;
// no pack is held in memory longer than its write or its read.

import type { Wish } from '../../src/plan/rank-successors.ts'
import type { PackSet } from '../../src/wire/pack-set.ts'

/** A handoff within its pool: both in lower-case hexadecimal (pool 64 digits, handoff 32). */
export interface HandoffKey {
  readonly pool: string
  readonly handoff: string
}

export interface StoredHandoff {
  readonly key: HandoffKey
  /** Sealed bytes on disk. */
  readonly bytes: number
  readonly packs: number
}

export interface PutOptions {
  /** Nothing reads the pieces any more; what is left is to make them durable. It may never be called. */
  readonly onWritten?: () => void
}

export interface PackStore extends AsyncDisposable {
  /** What is there, also after a restart; a handoff all of whose packs were lost or are under way has 0 packs. */
  list(): Iterable<StoredHandoff>
  /**
   * The numbers that are durable. A live view from the first durable pack until the drop: don't change it, clone it to keep it. Of a handoff
   * that isn't there an empty set.
   */
  have(key: HandoffKey): PackSet
  /** Sealed bytes of one handoff, or of everything. */
  bytes(key?: HandoffKey): number
  /**
   * Appends a sealed pack, given in pieces; resolves when it is fsynced (many puts share one sync). A number that is there already
   * resolves and changes nothing; while the first put of it is under way the second settles with it. The pieces must not change until it settles,
   * or until `onWritten`.
   * Throws `no-space`, `io`, or `too-large` beyond packsMax or packBytesMax; the store stays usable. What failed may still turn out to be
   * there after a restart.
   */
  put(key: HandoffKey, number: number, sealed: readonly Uint8Array[], options?: PutOptions): Promise<void>
  /**
   * The sealed pack in memory of its own, or undefined if it isn't there. Throws `io` if it can't be read or has changed on disk; one that
   * has changed is not in `have` any more and can be put again.
   */
  get(key: HandoffKey, number: number): Promise<Uint8Array | undefined>
  /** Forgets a handoff and frees its disk. Safe to repeat; puts that are under way fail with `not-found`, gets find nothing. */
  drop(key: HandoffKey): Promise<void>
}

/** What the relay must remember of a handoff over a restart. All times are wall time in ms. */
export interface HandoffRecord {
  readonly key: HandoffKey
  /** The signed header as it was offered. */
  readonly header: Uint8Array
  /** Peer ids in text form. */
  readonly predecessor: string
  readonly heir: string | undefined
  /** The highest epoch given so far; 0: never claimed. */
  readonly epoch: number
  /** The relay that gave the epoch, if it is another one. */
  readonly assignedBy?: string | undefined
  /** How many packs there are in all, once the predecessor has closed. */
  readonly packs: number | undefined
  readonly finished: boolean
  readonly offeredAtMs: number
  readonly expiresAtMs: number
  /** What the predecessor said of it and of itself, for choosing an heir. */
  readonly wish?: Wish
  /** Of a handoff that was begun ahead of any notice. */
  readonly ahead?: Ahead | undefined
}

export interface Ahead {
  /** There was no notice yet. */
  readonly standing: boolean
  /** Packs below it are judged by it and by later ones. */
  readonly since: number
  /** Of when the state is that it has in full. */
  readonly asOfMs: number
}

export interface RecordStore extends AsyncDisposable {
  /** All records, in no order. */
  list(): Iterable<HandoffRecord>
  /** Writes or replaces a record; resolves when it is durable. Saves of one record take effect in the order of the calls. */
  save(record: HandoffRecord): Promise<void>
  delete(key: HandoffKey): Promise<void>
}
