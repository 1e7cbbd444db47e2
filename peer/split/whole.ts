// What the handoffs of all parts of a state came to together: one result, as CONTRACT.md has it, and one account with the parts' receipts in it.

import { receiptReferencesMax } from '../../src/limits/plan.ts'
import { laneKinds } from '../../src/lane/lane.ts'
import type { HandoffEnd, SourceAccount } from '../handoff/account.ts'
import { laneTallies, type HandoffOutcome, type HandoffResult, type PartResult } from '../result.ts'

export type PartEnd = HandoffEnd & { readonly part: string }

/** A part whose handoff failed altogether. */
export interface LostPart {
  readonly part: string
  readonly handoff: string
  readonly outcome: HandoffOutcome
  readonly why: string
}

/** The worst first. */
const outcomes: readonly HandoffOutcome[] = ['fenced', 'partial', 'nothing', 'parked', 'delivered']

/** At least one part has come to its end. */
export function wholeOf(parts: readonly PartEnd[], lost: readonly LostPart[]): HandoffResult {
  const results = parts.map(({ result }) => result)
  const total = (of: (result: HandoffResult) => number) => results.reduce((sum, result) => sum + of(result), 0)
  const firstPacks = results.flatMap(({ firstPackMs }) => firstPackMs ?? [])
  const sources = sourcesOf(parts)
  const notes = [
    ...parts.flatMap(({ part, result }) => (result.notes ?? []).map((note) => `part ${part}: ${note}`)),
    ...lost.map(({ part, why }) => `part ${part}: ${why}`),
  ]
  const resultsOfParts: PartResult[] = [...parts.map(partResult), ...lost.map(lostResult)]
  return {
    event: 'result',
    outcome: outcomes.find((each) => resultsOfParts.some(({ outcome }) => outcome === each))!,
    handoff: results[0]!.handoff,
    epoch: results[0]!.epoch,
    elapsedMs: Math.max(...results.map(({ elapsedMs }) => elapsedMs)),
    firstPackMs: firstPacks.length === 0 ? null : Math.min(...firstPacks),
    chunks: {
      planned: total(({ chunks }) => chunks.planned),
      delivered: total(({ chunks }) => chunks.delivered),
      leftOut: total(({ chunks }) => chunks.leftOut),
    },
    bytes: {
      planned: total(({ bytes }) => bytes.planned),
      delivered: total(({ bytes }) => bytes.delivered),
      sealed: total(({ bytes }) => bytes.sealed),
    },
    lanes: laneTallies(
      new Map(
        laneKinds.map((lane) => [lane, { packs: total(({ lanes }) => lanes[lane].packs), bytes: total(({ lanes }) => lanes[lane].bytes) }]),
      ),
    ),
    hitMass: hitMassOf(parts, sources),
    resentBytes: total(({ resentBytes }) => resentBytes),
    parts: resultsOfParts,
    ...(notes.length > 0 && { notes }),
  }
}

/** JSON text. The parts' receipts stand in it as their heirs have them, with channels and curves, which have no sum. */
export function wholeReceipt(
  { event, notes = [], parts: _, ...account }: HandoffResult,
  parts: readonly PartEnd[],
  reason: string,
): string {
  void event
  const receipts = parts.map(({ receipt }) => JSON.parse(receipt) as object)
  return JSON.stringify({ receipt: 1, reason, ...account, sources: sourcesOf(parts), parts: receipts, notes })
}

function partResult({ part, result }: PartEnd): PartResult {
  const { outcome, handoff, epoch, chunks, bytes, hitMass } = result
  return { part, outcome, handoff, epoch, chunks, bytes, hitMass }
}

function lostResult({ part, handoff, outcome }: LostPart): PartResult {
  const none = { planned: 0, delivered: 0 }
  return {
    part,
    outcome,
    handoff,
    epoch: 0,
    chunks: { ...none, leftOut: 0 },
    bytes: { ...none, sealed: 0 },
    hitMass: { predicted: 0, delivered: 0 },
  }
}

/** A source's expected reads are divided as its chunks are: each part counts by the weight that it has. */
function sourcesOf(parts: readonly PartEnd[]): SourceAccount[] {
  const names = parts[0]!.summary.sources
  return names.map(({ name, kind }, index): SourceAccount => {
    const own = parts.map(({ summary }) => ({ account: summary.sources[index]!, weight: summary.weights[index]!.chunks }))
    const total = (of: (account: SourceAccount) => number) => own.reduce((sum, { account }) => sum + of(account), 0)
    const mean = (of: (account: SourceAccount) => number) => {
      const weights = own.reduce((sum, { weight }) => sum + weight, 0)
      if (weights === 0) return Math.min(...own.map(({ account }) => of(account)))
      return Math.min(1, own.reduce((sum, { account, weight }) => sum + weight * of(account), 0) / weights)
    }
    const references = own.flatMap(({ account }) => account.references ?? []).slice(0, receiptReferencesMax)
    return {
      name,
      kind,
      chunks: { planned: total(({ chunks }) => chunks.planned), delivered: total(({ chunks }) => chunks.delivered) },
      bytes: { planned: total(({ bytes }) => bytes.planned), delivered: total(({ bytes }) => bytes.delivered) },
      hitMass: mean(({ hitMass }) => hitMass),
      predicted: mean(({ predicted, hitMass }) => predicted ?? hitMass),
      bound: mean(({ bound, hitMass }) => bound ?? hitMass),
      ...(references.length > 0 && { references }),
      leftOut: leftOutOf(own.flatMap(({ account }) => account.leftOut)),
    }
  })
}

function leftOutOf(rows: SourceAccount['leftOut']): SourceAccount['leftOut'] {
  return [...Map.groupBy(rows, ({ reason }) => reason).values()].map((same) => ({
    ...same[0]!,
    chunks: same.reduce((sum, { chunks }) => sum + chunks, 0),
    bytes: same.reduce((sum, { bytes }) => sum + bytes, 0),
  }))
}

/** Every source by what doing without it costs. */
function hitMassOf(parts: readonly PartEnd[], sources: readonly SourceAccount[]): HandoffResult['hitMass'] {
  const { weights } = parts[0]!.summary
  const all = weights.reduce((sum, { source }) => sum + source, 0)
  const mean = (of: (source: SourceAccount) => number) =>
    all === 0 ? 1 : weights.reduce((sum, { source }, index) => sum + source * of(sources[index]!), 0) / all
  const delivered = mean(({ hitMass }) => hitMass)
  return {
    predicted: mean(({ predicted = 1 }) => predicted),
    delivered,
    bound: Math.max(
      delivered,
      mean(({ bound = 1 }) => bound),
    ),
  }
}
