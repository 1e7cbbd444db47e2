// A pack that has come and waits to be restored, and what becomes of it.

import type { DecodedPack, SourceSummary } from '../../src/chunk/pack.ts'
import { givenFragmentsMax } from '../../src/limits/handoff.ts'

/** What became of a pack's chunks. */
export interface RestoredPack {
  readonly number: number
  readonly chunks: number
  readonly bytes: number
  /** By source: what is in place now, and what won't be. */
  readonly settled: readonly { readonly source: string; readonly restored: readonly string[]; readonly refused: readonly string[] }[]
}

export interface Waiting {
  readonly isUrgent: boolean
  readonly number: number
  readonly pack: DecodedPack
  readonly bytes: number
  /** As it came, while it may have to wait on disk yet. */
  readonly sealed?: readonly Uint8Array[] | undefined
  /** It waited on disk. */
  readonly wasHeld: boolean
  /** Gives back the memory that the pack's fragments are views of. */
  readonly free: () => void
  readonly settles: (() => void)[]
}

/** What somebody waits for goes first, then the lowest number. */
export function goesBefore(a: Waiting, b: Waiting): boolean {
  return a.isUrgent === b.isUrgent ? a.number < b.number : a.isUrgent
}

/** Whether its memory may be a sink's: of few large fragments what the journal needs is soon noted, while copying them costs as much as opening them did. */
export function isGivable({ fragments, receipt, references, verdict }: DecodedPack): boolean {
  return fragments.length <= givenFragmentsMax && receipt === undefined && references.length === 0 && verdict === undefined
}

/** What a pack, or the journal's line of one, says beside its fragments. */
export type Learned = Pick<DecodedPack, 'superseded' | 'receipt'> &
  Partial<Pick<DecodedPack, 'verdict'>> & { readonly sources: readonly SourceSummary[] }
