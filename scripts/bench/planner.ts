// How much processor time planning takes, and how much memory it needs: an inventory is listed, put into order, taken to the end, and listed anew.
// The chunks are made as they are listed, as an application's lines are: they are not the planner's memory.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { Plan } from '../../src/plan/plan.ts'
import { seededRandom } from '../demo/random.ts'
import type { Plan as Measured } from './plan.ts'
import { row, type Row } from './series.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const million = 1_000_000
const batchChunks = 512
/** What the handoff takes at a time. */
const takeBytes = 2 * 1024 * 1024

export async function measurePlanner({ rounds, note }: Measured): Promise<Row[]> {
  const runs = { million: [] as number[], ten: [] as number[], again: [] as number[], outlook: [] as number[], memory: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    const { plan, planMs, bytesEach } = planned(million, round)
    runs.million.push(planMs)
    runs.memory.push(bytesEach)
    runs.outlook.push(timed(() => void plan.bound([{ bytes: 2e9, likelihood: 1 }])))
    runs.again.push(changed(round))
    note(`planner: round ${round + 1} of ${rounds}`)
    // Between rounds whoever waits gets a turn.
    await new Promise((resolve) => setImmediate(resolve))
  }
  runs.ten.push(planned(10 * million, 0).planMs)
  return [
    row('plan a million chunks, listed and taken', 'ms', runs.million, { target: { most: 1000 } }),
    row('plan ten million chunks', 'ms', runs.ten, { target: { most: 15_000 } }),
    row('a thousand of a million chunks change', 'ms', runs.again, { target: { most: 50 } }),
    row('bound of a million chunks', 'ms', runs.outlook, { target: { most: 50 } }),
    row('memory of the plan', 'bytes/chunk', runs.memory, { target: { most: 120 } }),
  ]
}

/** Processor time of this thread: planning waits for nothing, so the rest of the wall time is what others do on the machine. */
function timed(run: () => void): number {
  const before = process.threadCpuUsage()
  run()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}

/** Time goes only by what the plan does: the chunks of a batch are made with the clock stopped. */
function planned(count: number, seed: number): { plan: Plan; planMs: number; bytesEach: number } {
  const plan = new Plan()
  const { index } = plan.addSource('cache', 'app', { order: 'forecast' })
  const random = seededRandom(seed)
  const before = memoryBytes()
  let planMs = 0
  for (let from = 0; from < count; from += batchChunks) {
    const batch = Array.from({ length: Math.min(batchChunks, count - from) }, (_, at) => chunkOf(from + at, random))
    planMs += timed(() => plan.add(index, batch))
  }
  plan.settle(index)
  planMs += timed(() => void plan.take(index, takeBytes, 0))
  const bytesEach = (memoryBytes() - before) / count
  planMs += timed(() => {
    while (plan.take(index, takeBytes, 0).length > 0);
  })
  return { plan, planMs, bytesEach }
}

/** How long until the next chunk is known after a thousand of a million chunks have come in with new values. */
function changed(seed: number): number {
  const plan = new Plan()
  const { index } = plan.addSource('cache', 'app', { order: 'forecast' })
  const random = seededRandom(seed)
  plan.add(
    index,
    Array.from({ length: million }, (_, at) => chunkOf(at, random)),
  )
  plan.take(index, takeBytes, 0)
  const news = Array.from({ length: 1000 }, (_, at) => chunkOf(million + at, random))
  return timed(() => {
    plan.add(index, news)
    plan.take(index, takeBytes, 0)
  })
}

function chunkOf(number: number, random: () => number): Chunk {
  const kind = number % 1000 === 0 ? 'metadata' : 'data'
  return { id: `product:${number}`, kind, bytes: 100 + Math.floor(8000 * random()), readProbability: random() ** 8 }
}

/** Without garbage, which is nobody's memory. */
function memoryBytes(): number {
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
