// What a handoff came to, as both sides report it (CONTRACT.md, "Result of send and receive").

import type { LaneKind } from '../src/lane/lane.ts'

export type HandoffOutcome = 'delivered' | 'parked' | 'partial' | 'nothing' | 'fenced'

export interface HandoffResult {
  readonly event: 'result'
  readonly outcome: HandoffOutcome
  /** 32 hexadecimal digits; empty when there was none. */
  readonly handoff: string
  readonly epoch: number
  readonly elapsedMs: number
  /** From the notice (or the claim) to the first pack; null when none went. */
  readonly firstPackMs: number | null
  readonly chunks: { readonly planned: number; readonly delivered: number; readonly leftOut: number }
  readonly bytes: { readonly planned: number; readonly delivered: number; readonly sealed: number }
  readonly lanes: Readonly<Record<LaneKind, { readonly packs: number; readonly bytes: number }>>
  /** Shares of the expected reads: what was predicted at the notice, what came of it, and what no order of so many bytes could exceed. */
  readonly hitMass: { readonly predicted: number; readonly delivered: number; readonly bound?: number }
  readonly resentBytes: number
  /** Of an heir: how chunks that went by reference fared. */
  readonly origins?: { readonly chunks: number; readonly bytes: number; readonly failed: number; readonly left: number }
  /** Of a state that was divided: what came of each part. All else is their sum; `outcome` is the worst, `handoff` and `epoch` those of the first. */
  readonly parts?: readonly PartResult[]
  /** For people: what was left out and why, lanes that aren't offered, sources that failed. */
  readonly notes?: readonly string[]
}

/** One part of a divided state: a handoff of its own. */
export type PartResult = Pick<HandoffResult, 'outcome' | 'handoff' | 'epoch' | 'chunks' | 'bytes' | 'hitMass'> & { readonly part: string }

export interface HandoffProgress {
  readonly phase: 'connecting' | 'waiting' | 'moving' | 'finishing'
  readonly bytesDone: number
  readonly bytesPlanned: number
  readonly chunksDone: number
  readonly chunksPlanned: number
  readonly lane: LaneKind | undefined
  /** Of a successor: the share of the expected reads that is restored. */
  readonly hitMass?: number
  /** The same by source. */
  readonly hitMasses?: ReadonlyMap<string, number>
}

/** CONTRACT's exit code for an outcome. */
export function exitCodeOf(outcome: HandoffOutcome): number {
  return { delivered: 0, parked: 0, partial: 3, nothing: 4, fenced: 77 }[outcome]
}

/** A tally for every lane, also for those that moved nothing. */
export function laneTallies(tallies: ReadonlyMap<LaneKind, { packs: number; bytes: number }>): HandoffResult['lanes'] {
  const of = (kind: LaneKind) => ({ packs: 0, bytes: 0, ...tallies.get(kind) })
  return { fast: of('fast'), stream: of('stream'), circuit: of('circuit'), store: of('store') }
}
