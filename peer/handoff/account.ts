// What a handoff came to, from the plan and the ledger: the result of the command, and the receipt that the predecessor signs.

import type { LaneKind } from '../../src/lane/lane.ts'
import { curvePointsMax } from '../../src/limits/plan.ts'
import type { Plan, Referred } from '../../src/plan/plan.ts'
import { laneTallies, type HandoffOutcome, type HandoffProgress, type HandoffResult } from '../result.ts'
import type { Ledger } from './ledger.ts'
import { massCurve, type CurvePoint } from './mass-curve.ts'

export interface SourceAccount {
  readonly name: string
  readonly kind: string
  readonly chunks: { readonly planned: number; readonly delivered: number }
  readonly bytes: { readonly planned: number; readonly delivered: number }
  readonly hitMass: number
  /** What the successor gets without us: the first receiptReferencesMax of them. */
  readonly references?: readonly Referred[]
  readonly leftOut: readonly { readonly reason: string; readonly chunks: number; readonly bytes: number; readonly detail?: string }[]
}

export interface Summary {
  readonly result: HandoffResult
  readonly chunks: HandoffResult['chunks']
  readonly bytes: HandoffResult['bytes']
  readonly sources: readonly SourceAccount[]
  readonly curve: readonly CurvePoint[]
}

export interface SummaryInput {
  readonly handoff: string
  readonly epoch: number
  readonly elapsedMs: number
  readonly firstPackMs: number | null
  readonly plan: Plan
  readonly ledger: Ledger
  readonly tallies: ReadonlyMap<LaneKind, { packs: number; bytes: number }>
  readonly sealedBytes: number
  readonly resentBytes: number
  /** Everything that could be read is safe. */
  readonly whole: boolean
  readonly toHeir: boolean
  readonly notes: readonly string[]
  /** The policy's own limit has cut it, if anything has. */
  readonly limited: boolean
  /** What could be moved by what was known at the notice. Undefined: the prediction and the bound aren't asked for, which take their time. */
  readonly budgetBytes: number | undefined
  /** Names of sources that failed as a whole: what they would have had nobody knows. */
  readonly failedSources: ReadonlySet<string>
}

export function summarize(input: SummaryInput): Summary {
  const { plan, ledger, tallies } = input
  const planned = plan.sources()
  const sources = planned.map(({ index, name, kind }): SourceAccount => {
    const totals = plan.totals(index)
    const references = plan.referred(index)
    const delivered = ledger.delivered(index)
    const leftOut = [...plan.leftOut(index)].map(([reason, { chunks, bytes, detail }]) => ({
      reason,
      chunks,
      bytes,
      ...(detail !== undefined && { detail }),
    }))
    // What the plan had and nobody got, without a reason of its own: the time or a limit cut it.
    const cut = totals.chunks - delivered.chunks - leftOut.reduce((sum, row) => sum + row.chunks, 0)
    if (cut > 0)
      leftOut.push({ reason: input.limited ? 'limit' : 'deadline', chunks: cut, bytes: Math.max(0, totals.bytes - delivered.bytes) })
    return {
      name,
      kind,
      chunks: { planned: totals.chunks, delivered: delivered.chunks },
      bytes: { planned: totals.bytes, delivered: delivered.bytes },
      hitMass: totals.weight > 0 ? delivered.weight / totals.weight : input.failedSources.has(name) ? 0 : 1,
      ...(references.length > 0 && { references }),
      leftOut,
    }
  })
  const total = (of: (source: SourceAccount) => number) => sources.reduce((sum, source) => sum + of(source), 0)
  const chunks = { planned: total((s) => s.chunks.planned), delivered: total((s) => s.chunks.delivered), leftOut: 0 }
  chunks.leftOut = chunks.planned - chunks.delivered
  const bytes = { planned: total((s) => s.bytes.planned), delivered: total((s) => s.bytes.delivered), sealed: input.sealedBytes }
  const result: HandoffResult = {
    event: 'result',
    outcome: outcomeOf(input, chunks.leftOut, sources),
    handoff: input.handoff,
    epoch: input.epoch,
    elapsedMs: Math.round(input.elapsedMs),
    firstPackMs: input.firstPackMs === null ? null : Math.round(input.firstPackMs),
    chunks,
    bytes,
    lanes: laneTallies(tallies),
    hitMass: hitMassOf(input, sources),
    resentBytes: input.resentBytes,
    ...(input.notes.length > 0 && { notes: [...new Set(input.notes)] }),
  }
  const curve = input.budgetBytes === undefined ? [] : massCurve(ledger, plan, curvePointsMax)
  return { result, chunks, bytes, sources, curve }
}

function hitMassOf({ plan, ledger, budgetBytes }: SummaryInput, sources: readonly SourceAccount[]): HandoffResult['hitMass'] {
  const planned = plan.sources()
  const weights = planned.reduce((sum, { weight }) => sum + weight, 0)
  const delivered = weights === 0 ? 1 : planned.reduce((sum, { index, weight }) => sum + weight * sources[index]!.hitMass, 0) / weights
  if (budgetBytes === undefined) return { predicted: 1, delivered }
  const reachable = (bytes: number) => Math.min(1, Number(plan.bound([{ bytes, likelihood: 1 }]).toFixed(6)))
  // Chunks of like value are counted together in the bound, which may put it a trifle too low.
  return { predicted: reachable(budgetBytes), delivered, bound: Math.max(reachable(ledger.safeBytes), delivered) }
}

/** Chunks that were left out for a reason that is no failure: the successor doesn't miss them. */
const harmless = new Set(['expired', 'origin'])

function outcomeOf({ whole, toHeir, failedSources }: SummaryInput, leftOut: number, sources: readonly SourceAccount[]): HandoffOutcome {
  const excused = sources.flatMap((source) => source.leftOut).reduce((sum, row) => sum + (harmless.has(row.reason) ? row.chunks : 0), 0)
  if (!whole || failedSources.size > 0 || leftOut > excused) return 'partial'
  return toHeir ? 'delivered' : 'parked'
}

/** The receipt's JSON text, as it is signed and shown. */
export function makeReceipt({ result, sources, curve }: Summary, reason: string): string {
  const { event, notes, ...account } = result
  void event
  return JSON.stringify({ receipt: 1, reason, ...account, sources, curve, notes: notes ?? [] })
}

/** What a progress bar shows of it. */
export function progressOf({ chunks, bytes }: Summary, lane: LaneKind | undefined): HandoffProgress {
  return {
    phase: 'moving',
    bytesDone: bytes.delivered,
    bytesPlanned: bytes.planned,
    chunksDone: chunks.delivered,
    chunksPlanned: chunks.planned,
    lane,
  }
}
