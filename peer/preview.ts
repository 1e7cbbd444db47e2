// A dry run: what would go within a deadline at a rate, in which order, and what not. Asks the sources for their inventories as a
// notice would and reads nothing.

import type { Clock } from '../src/clock.ts'
import { asHeirloomError } from '../src/errors.ts'
import type { Chunk, LeftOutReason } from '../src/chunk/chunk.ts'
import { inventoryTimeoutMs } from '../src/limits/handoff.ts'
import { curvePointsMax } from '../src/limits/plan.ts'
import { chunkWeight, expectedBytes } from '../src/plan/chunk-table.ts'
import { Plan, type Criteria } from '../src/plan/plan.ts'
import { thinned, type CurvePoint } from './handoff/mass-curve.ts'
import type { Source } from './source/source.ts'
import { StepLimit } from './source/step-limit.ts'

interface PreviewOptions {
  readonly sources: readonly Source[]
  readonly criteria?: (source: string) => Criteria
  readonly deadlineMs: number
  readonly reserveMs: number
  readonly rateBytesPerSecond: number
  /** The policy's own limit. */
  readonly bytesMax: number | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Called for every chunk that would go, in order. */
  readonly onChunk: (chunk: PlannedChunk) => void
}

export interface PlannedChunk {
  readonly source: string
  readonly id: string
  readonly kind: Chunk['kind']
  readonly bytes: number
  /** When it would be sent, from the notice. */
  readonly afterMs: number
}

interface PreviewSource {
  readonly name: string
  readonly kind: string
  readonly chunks: number
  readonly bytes: number
  readonly planned: number
  /** Why its inventory isn't here, or not all of it. */
  readonly failed?: string
}

export interface Preview {
  readonly budgetBytes: number
  readonly chunks: { readonly known: number; readonly planned: number; readonly leftOut: number }
  readonly bytes: { readonly known: number; readonly planned: number; readonly leftOut: number }
  /** Share of the expected reads that what would go serves, every source by its weight; and what no order could exceed. */
  readonly hitMass: number
  readonly bound: number
  /** How the hit mass grows with the bytes. */
  readonly curve: readonly CurvePoint[]
  readonly leftOut: Readonly<Partial<Record<LeftOutReason, number>>>
  readonly sources: readonly PreviewSource[]
}

/** Points from which the curve is drawn. */
const stepsMax = 1000

/** Throws only when the signal ends it: a source that fails is left out and named. */
export async function preview(options: PreviewOptions): Promise<Preview> {
  const { sources, deadlineMs, reserveMs, rateBytesPerSecond, bytesMax, clock, onChunk } = options
  const timeBudget = Math.floor((Math.max(0, deadlineMs - reserveMs) / 1000) * rateBytesPerSecond)
  const budgetBytes = Math.min(timeBudget, bytesMax ?? Infinity)
  const plan = new Plan()
  const failures = await Promise.all(sources.map((source) => gather(source, plan, budgetBytes, options)))

  const planned = sources.map(() => ({ chunks: 0, bytes: 0 }))
  const cutReason: LeftOutReason = budgetBytes < timeBudget ? 'limit' : 'deadline'
  const scales = scalesOf(plan)
  const steps: [bytes: number, mass: number][] = []
  const knownBytes = plan.sources().reduce((sum, { index }) => sum + plan.totals(index).bytes, 0)
  const stepBytes = Math.min(budgetBytes, knownBytes) / stepsMax
  let sentBytes = 0
  let mass = 0
  for (const { index, chunk } of inOrder(plan, clock.nowMs())) {
    const bytes = expectedBytes(chunk)
    if (sentBytes + bytes > budgetBytes) {
      plan.leaveOut(index, chunk, cutReason)
      continue
    }
    onChunk({
      source: sources[index]!.name,
      id: chunk.id,
      kind: chunk.kind,
      bytes,
      afterMs: Math.round((sentBytes / rateBytesPerSecond) * 1000),
    })
    plan.sent(index, chunk, bytes)
    sentBytes += bytes
    const tally = planned[index]!
    tally.chunks++
    tally.bytes += bytes
    mass += chunkWeight(chunk) * scales[index]!
    // A chunk at a time would be a point for each of millions.
    const last = steps.at(-1)
    if (last === undefined || sentBytes >= last[0] + stepBytes) steps.push([sentBytes, mass])
    else steps[steps.length - 1] = [sentBytes, mass]
  }
  return summary({ plan, planned, failures, budgetBytes, steps })
}

async function gather(source: Source, plan: Plan, budgetBytes: number, options: PreviewOptions): Promise<string | undefined> {
  const { index } = plan.addSource(source.name, source.kind, options.criteria?.(source.name))
  const { deadlineMs, rateBytesPerSecond, clock } = options
  using limit = new StepLimit(clock, Math.min(inventoryTimeoutMs, deadlineMs), options.signal, 'the source')
  try {
    const query = { handoff: '0'.repeat(32), reason: 'dry run', deadlineMs, rateBytesPerSecond, budgetBytes }
    for await (const chunks of limit.each(source.inventory(query, { signal: limit.signal }))) plan.add(index, chunks)
    plan.settle(index)
    return undefined
  } catch (thrown) {
    options.signal.throwIfAborted()
    return asHeirloomError(thrown, 'source-failed').message
  }
}

/** All chunks of all sources, the best head first. */
function* inOrder(plan: Plan, nowMs: number): Generator<{ index: number; chunk: Chunk }> {
  // Chunks of no bytes come several at a time.
  const taken = plan.sources().map((): Chunk[] => [])
  const next = (index: number) => {
    if (taken[index]!.length === 0) taken[index] = plan.take(index, 0, nowMs)
    return taken[index]!.shift()
  }
  const heads = plan.sources().flatMap(({ index }) => ({ index, chunk: next(index) }))
  for (;;) {
    let best: { index: number; chunk: Chunk } | undefined
    for (const { index, chunk } of heads) {
      if (chunk !== undefined && (best === undefined || plan.compare(index, chunk, best.index, best.chunk) < 0)) best = { index, chunk }
    }
    if (best === undefined) return
    heads[best.index]!.chunk = next(best.index)
    yield best
  }
}

interface Found {
  readonly plan: Plan
  readonly planned: readonly { chunks: number; bytes: number }[]
  readonly failures: readonly (string | undefined)[]
  readonly budgetBytes: number
  readonly steps: readonly CurvePoint[]
}

function summary({ plan, planned, failures, budgetBytes, steps }: Found): Preview {
  const sources = plan.sources().map(({ index, name, kind }): PreviewSource => {
    const { chunks, bytes } = plan.totals(index)
    const failed = failures[index]
    return { name, kind, chunks, bytes, planned: planned[index]!.chunks, ...(failed !== undefined && { failed }) }
  })
  const leftOut: Partial<Record<LeftOutReason, number>> = {}
  for (const { index } of plan.sources()) {
    for (const [reason, { chunks }] of plan.leftOut(index)) leftOut[reason] = (leftOut[reason] ?? 0) + chunks
  }
  const known = { chunks: sum(sources, 'chunks'), bytes: sum(sources, 'bytes') }
  const going = { chunks: sum(planned, 'chunks'), bytes: sum(planned, 'bytes') }
  const hitMass = Number((steps.at(-1)?.[1] ?? 0).toFixed(9))
  return {
    budgetBytes,
    chunks: { known: known.chunks, planned: going.chunks, leftOut: known.chunks - going.chunks },
    bytes: { known: known.bytes, planned: going.bytes, leftOut: known.bytes - going.bytes },
    hitMass,
    bound: hitMass === 0 ? 0 : Math.max(hitMass, reachable(plan, budgetBytes)),
    curve: thinned(steps, curvePointsMax),
    leftOut,
    sources,
  }
}

/** What a unit of each source's weight is in hit mass. Sources without expected reads don't count. */
function scalesOf(plan: Plan): number[] {
  const counted = plan.sources().filter(({ index }) => plan.totals(index).weight > 0)
  const weights = counted.reduce((total, { weight }) => total + weight, 0)
  return plan.sources().map(({ index, weight }) => {
    const all = plan.totals(index).weight * weights
    return all > 0 ? weight / all : 0
  })
}

/** The bound among the sources that count. */
function reachable(plan: Plan, bytes: number): number {
  const weightOf = (sources: ReturnType<Plan['sources']>) => sources.reduce((total, { weight }) => total + weight, 0)
  const idle = plan.sources().filter(({ index }) => plan.totals(index).weight === 0)
  const share = weightOf(idle) / weightOf(plan.sources())
  return Number(((plan.bound([{ bytes, likelihood: 1 }]) - share) / (1 - share)).toFixed(9))
}

function sum<Key extends string>(rows: readonly Readonly<Record<Key, number>>[], key: Key): number {
  return rows.reduce((total, row) => total + row[key], 0)
}
