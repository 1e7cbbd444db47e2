import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AccessHistory } from '../../src/plan/access-history.ts'
import { forecast } from '../../src/plan/forecast.ts'
import { simulate, type Simulation } from '../../peer/simulate/simulation.ts'
import { Trace } from '../../peer/simulate/trace.ts'
import { cacheWorkloads } from '../helpers/cache-workloads.ts'
import { replayOfOracle } from '../helpers/replay-reference.ts'
import { drift, loops, onceSeen, sessions, steady, workloads, type Workload } from '../helpers/workloads.ts'

const test = suite('the forecast')

const histories = [0.5, 0.6, 0.7, 0.8]
const budgets = [0.05, 0.1, 0.25, 0.5]
/** Different seeds give different figures; these lengths and this seed stand for many. */
const [length, seed] = [40_000, 11]

function replay({ keys }: Workload, history: number): Simulation {
  const trace = new Trace()
  for (const key of keys) trace.addNumber(key)
  return simulate(trace, { orders: ['forecast', 'lru', 'lfu'], history, capacity: 0.25, horizon: 0.1, budgets, seed: 1 })
}

function meanOf(simulation: Simulation, order: string): number {
  return mean(Object.values(simulation.ofOracle[order]!))
}

function mean(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0) / values.length
}

const replaysOf = (makes: readonly ((length: number, seed: number) => Workload)[]) =>
  makes.map((make) => {
    const made = make(length, seed)
    return { name: made.name, cuts: histories.map((history) => replay(made, history)) }
  })
const replays = replaysOf(workloads)

for (const { name, cuts } of replays) {
  test(`on a workload of ${name} it is not far under the better of recency and frequency`, () => {
    const own = mean(cuts.map((cut) => meanOf(cut, 'forecast')))
    const better = mean(cuts.map((cut) => Math.max(meanOf(cut, 'lru'), meanOf(cut, 'lfu'))))
    assert.ok(own > better - 0.02, `${own} of the oracle, the better one has ${better}`)
  })
}

test('over all workloads it finds a good part of what recency and frequency miss', () => {
  const cuts = replays.flatMap((each) => each.cuts)
  const own = mean(cuts.map((cut) => meanOf(cut, 'forecast')))
  const better = mean(cuts.map((cut) => Math.max(meanOf(cut, 'lru'), meanOf(cut, 'lfu'))))
  assert.ok(own > 0.9, `${own} of the oracle`)
  assert.ok(1 - own < 0.7 * (1 - better), `it misses ${1 - own} of the oracle, the better one of both ${1 - better}`)
})

test('few single budgets are worse than the better of recency and frequency, and none by much', () => {
  const cells = replays.flatMap(({ name, cuts }) =>
    cuts.flatMap(({ ofOracle }, at) =>
      Object.entries(ofOracle['forecast']!).map(([budget, own]) => ({
        cell: `${name} at ${histories[at]}, budget ${budget}`,
        lru: ofOracle['lru']![budget]!,
        lfu: ofOracle['lfu']![budget]!,
        under: Math.max(ofOracle['lru']![budget]!, ofOracle['lfu']![budget]!) - own,
      })),
    ),
  )
  const bad = cells.filter(({ under }) => under > 0.02)
  assert.ok(bad.length <= 0.05 * cells.length, `${bad.length} of ${cells.length}: ${JSON.stringify(bad)}`)
  const worst = cells.reduce((a, b) => (a.under > b.under ? a : b))
  assert.ok(worst.under < 0.12, JSON.stringify(worst))
})

test('on workloads in the manner of shops, mappers, builds and the like it is better than the better of recency and frequency', () => {
  const cuts = replaysOf(cacheWorkloads).flatMap((each) => each.cuts)
  const own = mean(cuts.map((cut) => meanOf(cut, 'forecast')))
  const better = mean(cuts.map((cut) => Math.max(meanOf(cut, 'lru'), meanOf(cut, 'lfu'))))
  assert.ok(own > better, `${own} of the oracle, the better one has ${better}`)
})

test('it is as good as the replay of similar moments alone, which is its core, and less often under the better of recency and frequency', () => {
  const cells = [...workloads, ...cacheWorkloads].flatMap((make) => {
    const made = make(length, seed)
    return histories.flatMap((history) => {
      const { ofOracle } = replay(made, history)
      return replayOfOracle(made.keys, { history, capacity: 0.25, horizon: 0.1, budgets }).map((alone, at) => {
        const [own, lru, lfu] = ['forecast', 'lru', 'lfu'].map((order) => ofOracle[order]![String(budgets[at])]!) as [
          number,
          number,
          number,
        ]
        return { own, alone, better: Math.max(lru, lfu) }
      })
    })
  })
  const [own, alone] = [mean(cells.map((cell) => cell.own)), mean(cells.map((cell) => cell.alone))]
  assert.ok(own > alone, `${own} of the oracle, alone ${alone}`)
  const bad = cells.filter((cell) => cell.own < cell.better - 0.02).length
  const badAlone = cells.filter((cell) => cell.alone < cell.better - 0.02).length
  assert.ok(bad <= 0.6 * badAlone, `${bad} cells under the better one, alone ${badAlone}`)
})

test('of few requests it makes no catastrophe: it stays near the better of recency and frequency', () => {
  for (const requests of [600, 2500, 6000]) {
    const cuts = [...workloads, ...cacheWorkloads].flatMap((make) =>
      histories.map((history) => replay(make(requests, seed + requests), history)),
    )
    const own = mean(cuts.map((cut) => meanOf(cut, 'forecast')))
    const [lru, lfu] = ['lru', 'lfu'].map((order) => mean(cuts.map((cut) => meanOf(cut, order)))) as [number, number]
    assert.ok(own > Math.max(lru, lfu), `${requests} requests: ${own} of the oracle, lru ${lru}, lfu ${lfu}`)
    const far = cuts.filter((cut) => meanOf(cut, 'forecast') < Math.max(meanOf(cut, 'lru'), meanOf(cut, 'lfu')) - 0.1)
    assert.ok(far.length <= 0.1 * cuts.length, `${requests} requests: ${far.length} of ${cuts.length} are far under the better one`)
  }
})

/** A history of the first `share` of a workload; items are numbered by first use. */
function recorded({ keys }: Workload, share: number, options = {}) {
  const history = new AccessHistory(options)
  const items = new Map<number, number>()
  const itemOf = (key: number) => items.get(key) ?? (items.set(key, items.size), items.size - 1)
  const notice = Math.round(keys.length * share)
  for (const key of keys.subarray(0, notice)) history.access(itemOf(key))
  const known = Uint32Array.from(items.values())
  const reads = new Map<number, number>()
  for (const key of keys.subarray(notice, Math.round(keys.length * (share + 0.1)))) {
    const item = items.get(key)
    if (item !== undefined) reads.set(item, (reads.get(item) ?? 0) + 1)
  }
  return { history, items: known, reads, horizonAccesses: Math.round(keys.length * 0.1) }
}

for (const make of [steady, drift, onceSeen, loops, sessions]) {
  const made = make(length, seed)
  test(`on a workload of ${made.name}, of the items that it gives a probability about as many are read`, () => {
    const groups = Array.from({ length: 5 }, () => ({ items: 0, said: 0, read: 0 }))
    for (const share of [0.6, 0.7, 0.8]) {
      const { history, items, reads, horizonAccesses } = recorded(made, share)
      const { probabilities } = forecast(history, items, { horizonAccesses })
      for (const [place, item] of items.entries()) {
        const group = groups[Math.min(4, Math.floor(probabilities[place]! * 5))]!
        group.items++
        group.said += probabilities[place]!
        group.read += reads.has(item) ? 1 : 0
      }
    }
    const items = groups.reduce((all, group) => all + group.items, 0)
    const off = groups.reduce((all, { said, read }) => all + Math.abs(said - read) / items, 0)
    assert.ok(off < 0.05, `off by ${off} on average: ${JSON.stringify(groups)}`)
    const [likely, unlikely] = [groups.at(-1)!, groups[0]!]
    if (likely.items >= 50) assert.ok(likely.read / likely.items > 0.7, JSON.stringify(likely))
    if (unlikely.items >= 50) assert.ok(unlikely.read / unlikely.items < 0.3, JSON.stringify(unlikely))
  })
}

test('a history whose epochs were merged many times forecasts as well as one that kept every access apart', () => {
  const share = (options: object) => {
    const { history, items, reads, horizonAccesses } = recorded(loops(length, seed), 0.6, options)
    const { scores } = forecast(history, items, { horizonAccesses })
    const best = [...items.keys()].sort((a, b) => scores[b]! - scores[a]!).slice(0, Math.round(items.length / 10))
    return best.reduce((all, place) => all + (reads.get(items[place]!) ?? 0), 0) / horizonAccesses
  }
  const apart = share({ epochsMax: 1 << 20 })
  assert.ok(share({}) > 0.97 * apart)
  assert.ok(share({ epochsMax: 1024 }) > 0.95 * apart)
})

test('a short history, an empty one and one item have a forecast, too', () => {
  const history = new AccessHistory()
  assert.equal(forecast(history, new Uint32Array(0)).scores.length, 0)
  for (let accesses = 1; accesses < 300; accesses++) {
    history.access(accesses % 3 === 0 ? accesses : 0)
    const items = Uint32Array.from(new Set(Array.from({ length: accesses + 1 }, (_, item) => (item % 3 === 0 ? item : 0))))
    const { scores, probabilities } = forecast(history, items)
    for (const value of [...scores, ...probabilities]) assert.ok(value >= 0 && value < 1 + 1e-9, `${value} after ${accesses}`)
    assert.ok(scores[0] === Math.max(...scores), `the item that is read most is not first after ${accesses}`)
  }
})

test('what comes after the notice changes nothing', () => {
  const before = drift(length, seed).keys
  const orderOf = (after: Float64Array) => {
    const both = new Float64Array(before.length + after.length)
    both.set(before)
    both.set(after, before.length)
    const { history, items } = recorded({ name: '', keys: both }, 0.5)
    return forecast(history, items).scores
  }
  assert.equal(orderOf(before.slice().reverse()), orderOf(steady(length, 3).keys))
})

test.run()
