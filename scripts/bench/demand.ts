// What an application that serves while it warms waits for: chunks of 16 KiB that it demands, one every few milliseconds, while the bulk of the
// state goes by. And what that costs the bulk.

import type { Child } from '../demo/child.ts'
import type { Plan } from './plan.ts'
import { row, type Row } from './series.ts'
import { Stage } from './stage.ts'

/** Beside two round trips. */
const mostMs = 5
const least = 0.8

/** What a link of 1 Gbit/s moves; and all that the machine can. */
const bulkRates = [125e6, undefined]

interface Measured {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly roundTripMs: number
  readonly demands: number
}

export async function measureDemand(plan: Plan): Promise<Row[]> {
  const rows: Row[] = []
  for (const rate of bulkRates) rows.push(...(await besideBulk(plan, rate)))
  return rows
}

async function besideBulk(plan: Plan, bytesPerSecondMax: number | undefined): Promise<Row[]> {
  const [alone, beside]: [number[], number[]] = [[], []]
  const demands: Measured[] = []
  const name = bytesPerSecondMax === undefined ? 'as fast as it goes' : `${bytesPerSecondMax / 1e6} MB/s`
  for (let round = 0; round < plan.rounds; round++) {
    for (const isDemanding of [false, true]) {
      await using stage = await Stage.open(plan.folder, plan.signal)
      const count = plan.demandMebibytes
      const heir = stage.memoryEnd('receive', count, ['fast', 'stream'], { demandsEveryMs: isDemanding ? 10 : 0 })
      await stage.line(heir, 'waiting')
      const predecessor = stage.memoryEnd('send', count, ['fast', 'stream'], { holdMs: 1_500, bytesPerSecondMax })
      ;(isDemanding ? beside : alone).push(await rateOf(stage, heir))
      if (isDemanding) demands.push((await stage.line(heir, 'demands')) as unknown as Measured)
      await stage.expectEnd(predecessor)
      await stage.expectEnd(heir)
    }
    plan.note(`demand: round ${round + 1} of ${plan.rounds} (${name})`)
  }
  const over = demands.map(({ p99Ms, roundTripMs }) => p99Ms - 2 * roundTripMs)
  return [
    row(
      `round trip between the two, idle (${name})`,
      'ms',
      demands.map(({ roundTripMs }) => roundTripMs),
    ),
    row(
      `demand beside the bulk, p50 (${name})`,
      'ms',
      demands.map(({ p50Ms }) => p50Ms),
    ),
    row(
      `demand beside the bulk, p99 (${name})`,
      'ms',
      demands.map(({ p99Ms }) => p99Ms),
    ),
    row(`the same without two round trips (${name})`, 'ms', over, { target: { most: mostMs } }),
    row(`bulk beside demands (${name})`, 'MB/s', beside, { baseline: alone, target: { least } }),
  ]
}

async function rateOf(stage: Stage, heir: Child): Promise<number> {
  return Number((await stage.line(heir, 'rate'))['megabytesPerSecond'])
}
