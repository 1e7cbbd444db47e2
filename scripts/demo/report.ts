// What the demo says at the end: a table with a column for each run, and one sentence that follows from it.

import { humanDuration, humanSize } from '../../src/units.ts'
import { count, percent, type ScenarioResult } from './scenario.ts'
import type { TreeSize } from './directory.ts'
import { renderTable } from './table.ts'

const heads = { direct: 'successor already up', later: 'successor comes later' }

type Row = readonly [label: string, cell: (result: ScenarioResult) => string]

export function report(results: readonly ScenarioResult[], sent: TreeSize, servedMs: number): string {
  const seconds = `${servedMs / 1000} s`
  const rows: Row[] = [
    ['outcome', ({ handoff }) => String(handoff['outcome'])],
    ['from notice to question to the shop', ({ queryMs }) => duration(queryMs)],
    ['from notice to first pack', ({ firstPackMs }) => duration(firstPackMs)],
    ['what arrived first', ({ after }) => after.firstRestored.slice(0, 4).join(', ')],
    ['from notice to all safe', ({ handoff }) => duration(Number(handoff['elapsedMs']))],
    ['chunks handed over', chunksCell],
    ['bytes by lane', lanesCell],
    ['from claim to first restored pack', ({ firstRestoredMs }) => duration(firstRestoredMs)],
    ['from claim to all restored', ({ allRestoredMs }) => duration(allRestoredMs)],
    ['files at the successor', ({ files }) => `${count(files.files)} of ${count(sent.files)}, ${humanSize(files.bytes)}`],
    ['items kept in carts', ({ before, after }) => `${count(after.cartItemsRestored)} of ${count(before.cartItems)}`],
    ['hit rate in the 1st second, heir / cold', pair(({ load }) => percent(load.firstSecondHitRate))],
    [`hit rate in the first ${seconds}, heir / cold`, pair(({ load }) => percent(load.hitRate))],
    [
      '90 % of the hit rate before after, heir / cold',
      pair(({ steadyMs }) => (steadyMs === undefined ? `more than ${seconds}` : duration(steadyMs))),
    ],
    ['wrong or failed answers, heir / cold', pair(({ load }) => count(load.failures))],
    [`database reads in ${seconds}, heir / cold`, pair(({ originReads }) => count(originReads))],
    ['half of the answers within, heir / cold', pair(({ load }) => duration(load.medianMs))],
  ]
  const cells = rows.map(([label, cell]) => [label, ...results.map(cell)])
  return `${renderTable(['', ...results.map(({ kind }) => heads[kind])], cells)}\n\n  ${conclusion(results)}`
}

function pair(of: (served: ScenarioResult['warm']) => string): Row[1] {
  return ({ warm, cold }) => `${of(warm)} / ${of(cold)}`
}

function duration(ms: number): string {
  if (!Number.isFinite(ms)) return 'not told'
  return ms < 10 ? `${ms.toFixed(1)} ms` : humanDuration(ms)
}

function chunksCell({ handoff }: ScenarioResult): string {
  const { planned, delivered } = handoff['chunks'] as { planned: number; delivered: number }
  return `${count(delivered)} of ${count(planned)}`
}

function lanesCell({ handoff }: ScenarioResult): string {
  const lanes = Object.entries(handoff['lanes'] as Record<string, { packs: number; bytes: number }>)
  const used = lanes.filter(([, { packs }]) => packs > 0).map(([lane, { bytes }]) => `${lane} ${humanSize(bytes)}`)
  return used.join(', ') || 'none'
}

/** Whether every run did what the demo is there to show. */
export function succeeded(results: readonly ScenarioResult[]): boolean {
  return results.every(({ handoff, inherited, before, after, warm, cold }) => {
    const whole = handoff['outcome'] !== 'partial' && inherited['outcome'] === 'delivered' && after.cartItemsRestored === before.cartItems
    return whole && warm.load.hitRate > cold.load.hitRate
  })
}

function conclusion(results: readonly ScenarioResult[]): string {
  const warm = percent(Math.min(...results.map(({ warm: { load } }) => load.firstSecondHitRate)))
  const cold = percent(Math.max(...results.map(({ cold: { load } }) => load.firstSecondHitRate)))
  if (succeeded(results))
    return `In its first second the successor served ${warm} or more from memory, a cold shop ${cold}, and no cart was lost.`
  const notes = results.flatMap(({ handoff, inherited }) =>
    [handoff, inherited].flatMap((line) => (line['notes'] as string[] | undefined) ?? []),
  )
  const why = [...new Set(notes)].slice(0, 5).map((note) => `\n  - ${note}`)
  return `Not everything came over: in its first second the successor served ${warm} from memory, a cold shop ${cold}.${why.join('')}`
}
