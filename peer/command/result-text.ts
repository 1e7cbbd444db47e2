// A handoff's result for people.

import { table } from '../../src/cli/output.ts'
import { humanDuration, humanRate, humanSize } from '../../src/units.ts'
import type { HandoffOutcome, HandoffResult, PartResult } from '../result.ts'

const words: Readonly<Record<HandoffOutcome, string>> = {
  delivered: 'delivered: all that was planned is with the successor',
  parked: 'parked: all that was planned is at the relay, for the successor that comes',
  partial: 'partial: the deadline or a limit cut it; what was acknowledged is valid',
  nothing: 'nothing: no handoff to claim',
  fenced: 'fenced: another successor has taken over',
}

export function resultText(result: HandoffResult): string {
  const { outcome, handoff, epoch, elapsedMs, firstPackMs, chunks, bytes, lanes, hitMass, resentBytes, notes = [], parts = [] } = result
  if (handoff === '') return [words[outcome], ...notes].join('\n')
  const left = chunks.leftOut === 0 ? '' : `, ${chunks.leftOut} left out`
  const rows = [
    ['handoff', epoch === 0 ? handoff : `${handoff}, epoch ${epoch}`],
    [
      'time',
      `${humanDuration(elapsedMs)}${firstPackMs === null ? '' : `, first pack after ${humanDuration(firstPackMs)}`}${rate(bytes.delivered, elapsedMs)}`,
    ],
    ['chunks', `${chunks.delivered} of ${chunks.planned}${left}`],
    ['bytes', `${humanSize(bytes.delivered)} of ${humanSize(bytes.planned)}, ${humanSize(bytes.sealed)} sealed`],
    ...Object.entries(lanes)
      .filter(([, { packs }]) => packs > 0)
      .map(([lane, moved]) => [`lane ${lane}`, `${humanSize(moved.bytes)} in ${moved.packs} packs`]),
    ['hit mass', `${percent(hitMass.delivered)} of the expected reads (${percent(hitMass.predicted)} predicted${gapText(hitMass)})`],
    ...parts.map(partRow),
    ...(resentBytes > 0 ? [['resent', humanSize(resentBytes)]] : []),
    ...notes.map((note) => ['note', note]),
  ]
  return `${words[outcome]}\n${table(rows)}`
}

function partRow({ part, outcome, chunks, bytes, hitMass }: PartResult): string[] {
  return [
    `part ${part}`,
    `${outcome}, ${chunks.delivered} of ${chunks.planned} chunks, ${humanSize(bytes.delivered)}, ${percent(hitMass.delivered)} hit mass`,
  ]
}

function rate(bytes: number, ms: number): string {
  return ms > 0 && bytes > 0 ? `, ${humanRate((bytes / ms) * 1000)}` : ''
}

/** How far what was delivered is from what no order of as many bytes could exceed. */
function gapText({ delivered, bound }: HandoffResult['hitMass']): string {
  return bound === undefined || bound <= 0 ? '' : `, ${percent(1 - delivered / bound)} short of the bound`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share === 1 || share === 0 ? 0 : 1)} %`
}
