// Demands one chunk after the other while a bulk is restored beside, and says how long each took.

import type { Demands } from '../../peer/inherit/demands.ts'
import { delay, systemClock } from '../../src/clock.ts'
import type { Tell } from './bare.ts'
import { demandedChunks, demandedName } from './memory-state.ts'

export interface DemandMeterOptions {
  readonly demands: Demands
  /** Resolves when the bulk has begun: before, nothing else is on the way. */
  readonly bulk: Promise<void>
  readonly everyMs: number
  readonly tell: Tell
  readonly signal: AbortSignal
}

const source = 'memory'
const patienceMs = 30_000
const roundTrips = 50

export async function measureDemands({ demands, bulk, everyMs, tell, signal }: DemandMeterOptions): Promise<void> {
  const timed = async (id: string) => {
    const startedMs = performance.now()
    const outcome = await demands.ask(source, [id], patienceMs, signal)
    return { tookMs: performance.now() - startedMs, outcome }
  }
  // A chunk that doesn't exist is a question and an answer, and nothing to read, move or restore. The first waits for the lane.
  const trips: number[] = []
  await timed('nothing')
  for (let trip = 0; trip < roundTrips; trip++) trips.push((await timed(`nothing ${trip}`)).tookMs)
  await bulk
  const times: number[] = []
  for (let next = 0; next < demandedChunks && !signal.aborted; next++) {
    const { tookMs, outcome } = await timed(demandedName(next))
    if (signal.aborted || outcome.restored.length === 0) break
    times.push(tookMs)
    await delay(systemClock, Math.max(0, everyMs - tookMs), signal).catch(() => {})
  }
  tell('demands', { demands: times.length, roundTripMs: quantile(trips, 0.5), p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) })
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? NaN
}
