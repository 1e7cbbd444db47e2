// What a handoff came to, from the plan and the ledger: the result of the command, and the receipt that the predecessor signs.

import type { LaneKind } from '../../src/lane/lane.ts'
import { curvePointsMax } from '../../src/limits/plan.ts'
import type { ChannelCapacity } from '../../src/plan/channels.ts'
import type { Outlook } from '../../src/plan/outlook.ts'
import type { Plan, Referred } from '../../src/plan/plan.ts'
import { laneTallies, type HandoffOutcome, type HandoffProgress, type HandoffResult } from '../result.ts'
import type { Ledger } from './ledger.ts'
import { massOf, type CurvePoint } from './mass-curve.ts'

export interface SourceAccount {
  readonly name: string
  readonly kind: string
  readonly chunks: { readonly planned: number; readonly delivered: number }
  readonly bytes: { readonly planned: number; readonly delivered: number }
  /** Of its own expected reads: what was delivered, what was predicted, and what no order of so many bytes in all would have needed to exceed. */
  readonly hitMass: number
  readonly predicted?: number
  readonly bound?: number
  /** What the successor gets without us: the first receiptReferencesMax of them. */
  readonly references?: readonly Referred[]
  readonly leftOut: readonly { readonly reason: string; readonly chunks: number; readonly bytes: number; readonly detail?: string }[]
}

/** What a lane was thought to move, and what it moved. */
export interface LaneAccount {
  readonly lane: LaneKind
  /** By what was known when the plan was made; nothing for a lane that nobody counted on. */
  readonly predicted: { readonly bytes: number; readonly likelihood: number; readonly hitMass: number }
  readonly delivered: { readonly bytes: number; readonly packs: number; readonly hitMass: number }
}

export interface HandoffEnd {
  readonly result: HandoffResult
  /** JSON text. */
  readonly receipt: string
  readonly summary: Summary
}

export interface Summary {
  readonly result: HandoffResult
  readonly chunks: HandoffResult['chunks']
  readonly bytes: HandoffResult['bytes']
  readonly sources: readonly SourceAccount[]
  readonly channels: readonly LaneAccount[]
  readonly curve: readonly CurvePoint[]
  /** By source: what doing without it costs against the others, and the sum of its chunks' weights in its own unit. */
  readonly weights: readonly { readonly source: number; readonly chunks: number }[]
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
  /** What the lanes could move by what was known when the plan was made. Undefined: prediction and bound aren't asked for, which take their time. */
  readonly foreseen: readonly ChannelCapacity[] | undefined
  /** Names of sources that failed as a whole: what they would have had nobody knows. */
  readonly failedSources: ReadonlySet<string>
}

export function summarize(input: SummaryInput): Summary {
  const { plan, ledger, tallies, foreseen } = input
  const predicted = foreseen && plan.outlook(foreseen)
  const reached = foreseen && plan.outlook([{ bytes: ledger.safeBytes, likelihood: 1 }])
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
    const hitMass = totals.weight > 0 ? delivered.weight / totals.weight : input.failedSources.has(name) ? 0 : 1
    return {
      name,
      kind,
      chunks: { planned: totals.chunks, delivered: delivered.chunks },
      bytes: { planned: totals.bytes, delivered: delivered.bytes },
      hitMass,
      ...(predicted && { predicted: share(predicted.bySource[index]!) }),
      ...(reached && { bound: Math.max(hitMass, share(reached.bySource[index]!)) }),
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
    hitMass: hitMassOf(input, sources, predicted, reached),
    resentBytes: input.resentBytes,
    ...(input.notes.length > 0 && { notes: [...new Set(input.notes)] }),
  }
  const weights = planned.map(({ index, weight }) => ({ source: weight, chunks: plan.totals(index).weight }))
  if (foreseen === undefined) return { result, chunks, bytes, sources, channels: [], curve: [], weights }
  const { curve, byLane } = massOf(ledger, plan, curvePointsMax)
  return { result, chunks, bytes, sources, channels: channelsOf(foreseen, predicted!, tallies, byLane), curve, weights }
}

function channelsOf(
  foreseen: readonly ChannelCapacity[],
  predicted: Outlook,
  tallies: SummaryInput['tallies'],
  byLane: ReadonlyMap<LaneKind, number>,
): LaneAccount[] {
  const lanes = new Set([...foreseen.map(({ lane }) => lane), ...tallies.keys()])
  return [...lanes].map((lane): LaneAccount => {
    const at = foreseen.findIndex((each) => each.lane === lane)
    const { bytes = 0, likelihood = 0 } = foreseen[at] ?? {}
    const moved = tallies.get(lane) ?? { packs: 0, bytes: 0 }
    return {
      lane,
      predicted: { bytes: Math.round(bytes), likelihood, hitMass: share(predicted.byChannel[at] ?? 0) },
      delivered: { ...moved, hitMass: share(byLane.get(lane) ?? 0) },
    }
  })
}

/** A share as a receipt tells it. */
function share(of: number): number {
  return Math.min(1, Number(of.toFixed(6)))
}

function hitMassOf(
  { plan }: SummaryInput,
  sources: readonly SourceAccount[],
  predicted: Outlook | undefined,
  reached: Outlook | undefined,
): HandoffResult['hitMass'] {
  const planned = plan.sources()
  const weights = planned.reduce((sum, { weight }) => sum + weight, 0)
  const delivered = weights === 0 ? 1 : planned.reduce((sum, { index, weight }) => sum + weight * sources[index]!.hitMass, 0) / weights
  if (predicted === undefined || reached === undefined) return { predicted: 1, delivered }
  // Chunks of like value are counted together in the bound, which may put it a trifle too low.
  return { predicted: share(predicted.all), delivered, bound: Math.max(share(reached.all), delivered) }
}

/** Chunks that were left out for a reason that is no failure: the successor doesn't miss them. */
const harmless = new Set(['expired', 'origin'])

function outcomeOf({ whole, toHeir, failedSources }: SummaryInput, leftOut: number, sources: readonly SourceAccount[]): HandoffOutcome {
  const excused = sources.flatMap((source) => source.leftOut).reduce((sum, row) => sum + (harmless.has(row.reason) ? row.chunks : 0), 0)
  if (!whole || failedSources.size > 0 || leftOut > excused) return 'partial'
  return toHeir ? 'delivered' : 'parked'
}

/** The receipt's JSON text, as it is signed and shown. */
export function makeReceipt({ result, sources, channels, curve }: Summary, reason: string, part?: string): string {
  const { event, notes, ...account } = result
  void event
  const ofPart = part === undefined ? {} : { part }
  return JSON.stringify({ receipt: 1, reason, ...ofPart, ...account, sources, channels, curve, notes: notes ?? [] })
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
