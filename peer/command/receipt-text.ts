// A receipt for people: what was promised and delivered of each source, what was left out and why, and how the hit mass grew with the bytes.

import { drawCurve } from '../../src/cli/curve.ts'
import { table } from '../../src/cli/output.ts'
import { humanSize } from '../../src/units.ts'
import type { LaneAccount, SourceAccount } from '../handoff/account.ts'
import type { CurvePoint } from '../handoff/mass-curve.ts'
import type { HandoffResult } from '../result.ts'
import { resultText } from './result-text.ts'

export type Receipt = HandoffResult & {
  readonly reason: string
  readonly sources: readonly SourceAccount[]
  readonly channels?: readonly LaneAccount[]
  readonly curve?: readonly CurvePoint[]
}

/** References that a person is shown without asking for more. */
const referencesShown = 5

export function receiptText(receipt: Receipt): string {
  const { sources, channels = [], origins, curve = [] } = receipt
  const isJudged = sources.some(({ bound }) => bound !== undefined)
  const head = ['source', 'chunks', 'bytes', 'hit mass', ...(isJudged ? ['predicted', 'bound'] : []), 'left out']
  return [
    resultText(receipt),
    ...(sources.length > 0 ? ['', table([head, ...sources.map((source) => sourceRow(source, isJudged))])] : []),
    ...(channels.length > 0 ? ['', table([['lane', 'bytes', 'hit mass', 'predicted'], ...channels.map(laneRow)])] : []),
    ...references(sources),
    ...(origins === undefined ? [] : [originsText(origins)]),
    ...curveText(curve),
  ].join('\n')
}

/** The curve of hit mass over bytes; nothing for a curve without points. */
export function curveText(curve: readonly CurvePoint[]): string[] {
  const bytes = curve.at(-1)?.[0] ?? 0
  if (bytes === 0) return []
  const labels = { top: '100 %', bottom: '0 %', end: humanSize(bytes) }
  return ['', 'expected reads that are served, over the bytes', drawCurve(curve, { width: 60, height: 6, labels })]
}

function sourceRow(
  { name, chunks, bytes, hitMass, predicted = hitMass, bound = hitMass, leftOut }: SourceAccount,
  isJudged: boolean,
): string[] {
  return [
    name,
    `${chunks.delivered} of ${chunks.planned}`,
    `${humanSize(bytes.delivered)} of ${humanSize(bytes.planned)}`,
    percent(hitMass),
    ...(isJudged ? [percent(predicted), percent(bound)] : []),
    leftOut.map(({ reason, chunks: count, detail }) => `${count} ${reason}${detail === undefined ? '' : ` (${detail})`}`).join(', ') || '-',
  ]
}

function laneRow({ lane, predicted, delivered }: LaneAccount): string[] {
  const likely = predicted.likelihood < 1 && predicted.bytes > 0 ? `, ${percent(predicted.likelihood)} likely` : ''
  const thought = predicted.bytes > 0 ? `${percent(predicted.hitMass)} in up to ${humanSize(predicted.bytes)}${likely}` : '-'
  return [lane, `${humanSize(delivered.bytes)} in ${delivered.packs} packs`, percent(delivered.hitMass), thought]
}

function originsText({ chunks, bytes, failed, left }: NonNullable<Receipt['origins']>): string {
  const rest = [...(failed > 0 ? [`${failed} could not be`] : []), ...(left > 0 ? [`${left} left to the application`] : [])]
  return `  fetched there: ${[`${chunks} chunks, ${humanSize(bytes)}`, ...rest].join('; ')}`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

function references(sources: readonly SourceAccount[]): string[] {
  const all = sources.flatMap(({ name, references: own = [] }) => own.map(({ id, origin }) => `  ${name} ${id}: ${origin}`))
  if (all.length === 0) return []
  const more = all.length > referencesShown ? [`  … and ${all.length - referencesShown} more`] : []
  return ['', 'to be had elsewhere:', ...all.slice(0, referencesShown), ...more]
}
