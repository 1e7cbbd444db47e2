// A zone goes: many predecessors hand off to one relay's store at the same moment, each with a few seconds for far more than can go. What must be safe then
// is all metadata of all of them, and of the rest what is worth most; both are told by their receipts.

import type { HandoffResult } from '../../peer/result.ts'
import type { SourceAccount } from '../../peer/handoff/account.ts'
import { mebibyte } from '../bench/memory-state.ts'
import type { Stage } from '../bench/stage.ts'
import { renderTable } from '../demo/table.ts'
import { ProcessWatch } from './process-watch.ts'
import type { StormEnd } from './storm-main.ts'

export interface StormPlan {
  readonly predecessors: number
  readonly deadlineMs: number
  readonly metadataMebibytes: number
  readonly mebibytes: number
}

export interface Gone {
  readonly tookMs: number
  readonly metadata: SourceAccount['chunks']
  readonly deliveredBytes: number
  /** What was delivered, and what no order of as many bytes could exceed. */
  readonly hitMass: { readonly delivered: number; readonly bound: number }
}

export interface Storm {
  readonly gone: readonly Gone[]
  readonly peakRssBytes: number
  readonly missed: readonly string[]
}

/** What must hold. The order is that of packs, which are a MiB: the last of them may be worth less than the best of the next. */
const rssBytesMax = 300e6
const ofBoundMin = 0.98

export async function storm(stage: Stage, plan: StormPlan): Promise<Storm> {
  const { predecessors, deadlineMs, metadataMebibytes, mebibytes } = plan
  const end: StormEnd = {
    relay: stage.relay.address,
    keyFile: stage.keyFile,
    deadlineMs,
    metadataBytes: metadataMebibytes * mebibyte,
    dataBytes: mebibytes * mebibyte,
  }
  const ends = Array.from({ length: predecessors }, (_, index) =>
    stage.program(`predecessor ${index}`, ['scripts/load/storm-end.js', JSON.stringify(end)]),
  )
  await Promise.all(ends.map((child) => stage.line(child, 'enrolled')))
  using watch = new ProcessWatch(stage.relay.child.pid!, 20)
  for (const child of ends) child.tell('SIGUSR2')
  const gone = await Promise.all(ends.map(async (child) => goneOf(await stage.line(child, 'gone'))))
  const { rssBytes: peakRssBytes } = watch.peak
  return { gone, peakRssBytes, missed: missedOf(gone, peakRssBytes, plan) }
}

function goneOf(line: Record<string, unknown>): Gone {
  const { sources, bytes, hitMass } = line['receipt'] as HandoffResult & { sources: readonly SourceAccount[] }
  return {
    tookMs: Number(line['tookMs']),
    metadata: sources.find(({ name }) => name === 'tables')!.chunks,
    deliveredBytes: bytes.delivered,
    hitMass: { delivered: hitMass.delivered, bound: hitMass.bound ?? 1 },
  }
}

export function missedOf(gone: readonly Gone[], peakRssBytes: number, { deadlineMs }: StormPlan): string[] {
  const each = gone.flatMap(({ tookMs, metadata, hitMass }, index) => [
    ...(metadata.delivered < metadata.planned
      ? [`predecessor ${index}: ${metadata.delivered} of ${metadata.planned} chunks of metadata`]
      : []),
    ...(ofBound(hitMass) < ofBoundMin ? [`predecessor ${index}: ${ofBound(hitMass).toFixed(3)} of what as many bytes could serve`] : []),
    ...(tookMs > deadlineMs ? [`predecessor ${index}: it took ${tookMs} ms`] : []),
  ])
  return [...each, ...(peakRssBytes > rssBytesMax ? [`${Math.round(peakRssBytes / 1e6)} MB of the relay's memory`] : [])]
}

function ofBound({ delivered, bound }: Gone['hitMass']): number {
  return bound === 0 ? 1 : delivered / bound
}

export function stormTable({ gone, peakRssBytes }: Storm): string {
  const row = (what: string, of: (one: Gone) => number, text: (value: number) => string) => {
    const values = gone.map(of).toSorted((a, b) => a - b)
    return [what, ...[values[0]!, values[Math.floor(values.length / 2)]!, values.at(-1)!].map(text)]
  }
  const share = (value: number) => value.toFixed(3)
  const whole = gone.filter(({ metadata }) => metadata.delivered === metadata.planned).length
  const rows = [
    row(
      'bytes that are safe',
      ({ deliveredBytes }) => deliveredBytes,
      (value) => `${(value / 1e6).toFixed(1)} MB`,
    ),
    row('hit mass', ({ hitMass }) => hitMass.delivered, share),
    row('of what as many bytes could serve', ({ hitMass }) => ofBound(hitMass), share),
    row(
      'time',
      ({ tookMs }) => tookMs,
      (value) => `${(value / 1000).toFixed(2)} s`,
    ),
  ]
  const facts = `${whole} of ${gone.length} have all their metadata safe; the relay's memory at most ${Math.round(peakRssBytes / 1e6)} MB`
  return `${renderTable(['of each predecessor', 'least', 'median', 'most'], rows)}\n${facts}`
}
