// How fast a Redis goes from one server to another through two agents, against one full synchronisation of a replica with the same data in the same
// round; how soon the keys that serve 90 % of the load are there; and what the source's own clients notice of it.

import { HeirloomError } from '../../src/errors.ts'
import { delay, systemClock } from '../../src/clock.ts'
import type { Plan } from './plan.ts'
import { seededRandom } from '../demo/random.ts'
import { BenchRedis } from './redis-server.ts'
import { row, type Row } from './series.ts'
import { Stage } from './stage.ts'
import { ZipfKeys } from './zipf.ts'

/** Reads before the notice, for each key: what a cache that serves for some minutes sees. */
const readsPerKey = 10
/** Keys drawn from the load, by which it is told how much of it is served. */
const sampleKeys = 2000
const samplePollMs = 20
const servedShare = 0.9
/** The source's own load while it is measured: requests a second, and for how long beforehand. */
const requestEveryMs = 2
const calmMs = 3000

interface Round {
  readonly sync: number
  readonly all: number
  readonly hot: number
}

export async function measureRedis(plan: Plan): Promise<Row[]> {
  const rounds: Round[] = []
  const latencies: { calm: number; busy: number }[] = []
  for (let round = 0; round < plan.rounds; round++) {
    await using stage = await Stage.open(plan.folder, plan.signal)
    using from = await BenchRedis.start(stage)
    using to = await BenchRedis.start(stage)
    await from.fill(plan.keys)
    const load = new ZipfKeys(plan.keys, seededRandom(round + 1))
    await from.touch(readsPerKey * plan.keys, () => load.draw())
    const sync = await to.synchronise(from)
    const sample = Array.from({ length: sampleKeys }, () => load.draw())
    const handover = { from, to, keys: plan.keys, sample }
    rounds.push({ sync, ...(await handOver(stage, handover)) })
    await to.ask('FLUSHALL')
    // Another pool: the successor of the first one still waits.
    await using other = await Stage.open(plan.folder, plan.signal)
    latencies.push(await noticed(other, handover))
    plan.note(`redis: round ${round + 1} of ${plan.rounds}`)
  }
  const of = (what: keyof Round) => rounds.map((each) => each[what])
  const name = `${plan.keys} keys of 100 to 1000 bytes`
  const calm = latencies.map((each) => each.calm)
  return [
    row(`${name}: full synchronisation of a replica`, 'ms', of('sync')),
    row(`${name}: handed over`, 'ms', of('all'), { baseline: of('sync'), target: { most: 2.5 } }),
    row(`${name}: 90 % of a Zipf load served`, 'ms', of('hot'), { baseline: of('sync'), target: { most: 0.8 } }),
    row("p99 of the source's own reads, before", 'ms', calm),
    row(
      "p99 of the source's own reads, while it is read",
      'ms',
      latencies.map((each) => each.busy),
      { baseline: calm, target: { most: 2 } },
    ),
  ]
}

interface Handover {
  readonly from: BenchRedis
  readonly to: BenchRedis
  readonly keys: number
  readonly sample: readonly string[]
}

/** From the notice until all is restored, and until what serves 90 % of the load is. */
async function handOver(stage: Stage, { from, to, keys, sample }: Handover): Promise<{ all: number; hot: number }> {
  const source = (url: string) => ({ name: 'cache', kind: 'redis', url })
  const successor = await stage.agentOf('successor', source(to.url))
  await stage.line(successor, 'ready')
  const predecessor = await stage.agentOf('predecessor', source(from.url))
  await stage.line(predecessor, 'warmed')
  const startedMs = performance.now()
  predecessor.tell('SIGTERM')
  let hot: number | undefined
  let isOver = false
  const watch = (async () => {
    while (!isOver && hot === undefined) {
      if ((await to.present(sample)) >= servedShare * sample.length) hot = performance.now() - startedMs
      else await delay(systemClock, samplePollMs, stage.signal)
    }
  })()
  await stage.line(successor, 'handoff-end')
  const all = performance.now() - startedMs
  isOver = true
  await watch
  await stage.expectEnd(predecessor)
  const arrived = (await to.ask('DBSIZE')).number(0)
  if (arrived < keys) throw new HeirloomError('internal', `${arrived} of ${keys} keys arrived`)
  return { all, hot: hot ?? all }
}

/** The 99th percentile of reads of the source at a steady rate: before, and while it is handed over. */
async function noticed(stage: Stage, handover: Handover): Promise<{ calm: number; busy: number }> {
  const reader = new SteadyReader(handover)
  await delay(systemClock, calmMs, stage.signal)
  const calm = reader.percentile()
  await handOver(stage, handover)
  const busy = reader.percentile()
  await reader.stop()
  return { calm, busy }
}

/** Reads keys of the load one by one, each at its time, however long those before it took. */
class SteadyReader {
  readonly #timer: NodeJS.Timeout
  readonly #under = new Set<Promise<unknown>>()
  #latencies: number[] = []

  constructor({ from, sample }: Handover) {
    let next = 0
    this.#timer = setInterval(() => {
      const startedMs = performance.now()
      const reading = from.ask('GET', sample[next++ % sample.length]!).then(
        () => this.#latencies.push(performance.now() - startedMs),
        () => {},
      )
      this.#under.add(reading)
      void reading.finally(() => this.#under.delete(reading))
    }, requestEveryMs)
  }

  /** In ms, since it was asked before. */
  percentile(): number {
    const sorted = this.#latencies.sort((a, b) => a - b)
    this.#latencies = []
    return sorted[Math.floor(0.99 * sorted.length)] ?? NaN
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#under)
  }
}
