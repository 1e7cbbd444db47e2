// A receipt for people: what was promised and delivered of each source, what was left out and why, and how the hit mass grew with the bytes.

import { drawCurve } from '../../src/cli/curve.ts'
import { table } from '../../src/cli/output.ts'
import { humanSize } from '../../src/units.ts'
import type { SourceAccount } from '../handoff/account.ts'
import type { CurvePoint } from '../handoff/mass-curve.ts'
import type { HandoffResult } from '../result.ts'
import { resultText } from './result-text.ts'

export type Receipt = HandoffResult & {
  readonly reason: string
  readonly sources: readonly SourceAccount[]
  readonly curve?: readonly CurvePoint[]
}

/** References that a person is shown without asking for more. */
const referencesShown = 5

export function receiptText(receipt: Receipt): string {
  const { sources, curve = [] } = receipt
  return [
    resultText(receipt),
    ...(sources.length > 0 ? ['', table([['source', 'chunks', 'bytes', 'hit mass', 'left out'], ...sources.map(sourceRow)])] : []),
    ...references(sources),
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

function sourceRow({ name, chunks, bytes, hitMass, leftOut }: SourceAccount): string[] {
  return [
    name,
    `${chunks.delivered} of ${chunks.planned}`,
    `${humanSize(bytes.delivered)} of ${humanSize(bytes.planned)}`,
    `${(100 * hitMass).toFixed(1)} %`,
    leftOut.map(({ reason, chunks: count, detail }) => `${count} ${reason}${detail === undefined ? '' : ` (${detail})`}`).join(', ') || '-',
  ]
}

function references(sources: readonly SourceAccount[]): string[] {
  const all = sources.flatMap(({ name, references: own = [] }) => own.map(({ id, origin }) => `  ${name} ${id}: ${origin}`))
  if (all.length === 0) return []
  const more = all.length > referencesShown ? [`  … and ${all.length - referencesShown} more`] : []
  return ['', 'to be had elsewhere:', ...all.slice(0, referencesShown), ...more]
}
