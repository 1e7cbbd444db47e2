// Access histories that look like those of real caches, each from a seed: what a forecast must cope with, and what would fool it.
// A key is a whole number; ranges of keys are far apart, so that no part of a workload meets another's by chance.

import { SeededRandom } from './seed.ts'

export interface Workload {
  readonly name: string
  readonly keys: Float64Array
}

type Draw = (random: SeededRandom, at: number) => number

/** Ranks from 0 on, rank r with a weight of 1 / (r + 1)^exponent. */
export function zipf(count: number, exponent: number): (random: SeededRandom) => number {
  const cumulative = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank++) cumulative[rank] = sum += 1 / (rank + 1) ** exponent
  return (random) => {
    const target = random.next() * sum
    let low = 0
    for (let high = count - 1; low < high;) {
      const middle = (low + high) >>> 1
      if (cumulative[middle]! > target) high = middle
      else low = middle + 1
    }
    return low
  }
}

const range = 1e7

function workload(name: string, length: number, seed: number, draw: Draw): Workload {
  const random = new SeededRandom(seed)
  return { name, keys: Float64Array.from({ length }, (_, at) => draw(random, at)) }
}

/** A popularity that stays as it is. */
export function steady(length: number, seed: number): Workload {
  const rank = zipf(Math.ceil(length / 10), 0.9)
  return workload('steady', length, seed, (random) => rank(random))
}

/** New keys come in all the time, the most popular first, and old ones fade: a shop's news, a day's recommendations. */
export function drift(length: number, seed: number): Workload {
  const rank = zipf(Math.ceil(length / 20), 1)
  return workload('drift', length, seed, (random, at) => range + Math.floor(at / 40) - rank(random))
}

/** At half and at 55 % of the trace the whole hot set changes. */
export function suddenChange(length: number, seed: number): Workload {
  const rank = zipf(Math.ceil(length / 30), 0.9)
  return workload(
    'sudden change',
    length,
    seed,
    (random, at) => (at < 0.5 * length ? 0 : at < 0.55 * length ? 1 : 2) * range + rank(random),
  )
}

/** Half of all references are to keys that never come again. */
export function onceSeen(length: number, seed: number): Workload {
  const rank = zipf(Math.ceil(length / 40), 0.8)
  return workload('keys seen once', length, seed, (random, at) => (random.next() < 0.5 ? range + at : rank(random)))
}

/** Round and round over more keys than the cache holds. */
export function loop(length: number, seed: number): Workload {
  const keys = Math.ceil(length / 7.3)
  return workload('loop', length, seed, (random, at) => (random.next() < 0.05 ? range + random.integer(0, 200) : at % keys))
}

/** Loops of several lengths side by side, as nested joins and nightly jobs make them. */
export function loops(length: number, seed: number): Workload {
  const sizes = [length / 300, length / 60, length / 11].map(Math.ceil)
  const at = sizes.map(() => 0)
  return workload('loops', length, seed, (random) => {
    const which = random.integer(0, sizes.length - 1)
    return which * range + (at[which]!++ % sizes[which]!)
  })
}

/** A hot index over a database that is scanned in runs again and again. */
export function scans(length: number, seed: number): Workload {
  const hot = zipf(Math.ceil(length / 100), 0.7)
  const table = Math.ceil(length / 4)
  let [next, left] = [0, 0]
  return workload('scans', length, seed, (random) => {
    if (random.next() < 0.4) return range + hot(random)
    if (left-- <= 0) [next, left] = [random.integer(0, table), random.integer(50, 2000)]
    return next++ % table
  })
}

/** Days with an office, an evening and a night of their own; a night reads everything once. */
export function days(length: number, seed: number): Workload {
  const day = length / 9.4
  const rank = zipf(Math.ceil(length / 60), 0.9)
  const night = Math.ceil(day / 4)
  return workload('days', length, seed, (random, at) => {
    const time = (at % day) / day
    if (time < 0.25) return 3 * range + (Math.floor(at % day) % night)
    const part = random.next() < (time < 0.6 ? 0.85 : 0.15) ? 0 : 1
    return part * range + rank(random)
  })
}

/** A few keys are suddenly all that is asked for, and then no more: one crowd is long gone at the notice, one has just come. */
export function flashCrowds(length: number, seed: number): Workload {
  const rank = zipf(Math.ceil(length / 15), 0.8)
  return workload('flash crowds', length, seed, (random, at) => {
    const share = at / length
    const crowd = share > 0.2 && share < 0.24 ? 1 : share > 0.56 && share < 0.67 ? 2 : share > 0.74 && share < 0.76 ? 3 : 0
    return crowd > 0 && random.next() < 0.6 ? crowd * range + random.integer(0, 60) : rank(random)
  })
}

/** Users come, look at their own things for a while, and go: what was read lately is read next. */
export function sessions(length: number, seed: number): Workload {
  const active: { user: number; left: number }[] = []
  let users = 0
  const shared = zipf(500, 1)
  return workload('sessions', length, seed, (random) => {
    if (active.length < 40) active.push({ user: users++, left: random.integer(5, 400) })
    const at = random.integer(0, active.length - 1)
    const { user } = active[at]!
    if (--active[at]!.left <= 0) active.splice(at, 1)
    return random.next() < 0.2 ? range + shared(random) : 2 * range + user * 100 + random.integer(0, 15)
  })
}

export const workloads = [steady, drift, suddenChange, onceSeen, loop, loops, scans, days, flashCrowds, sessions] as const
