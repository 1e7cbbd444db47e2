// Access histories in the manner of caches as they are found in the world: file systems, shops, object-relational mappers,
// recommendation services, builds. Each comes from a seed; where `workloads.ts` isolates one trait, these mix several.

import { SeededRandom } from './seed.ts'
import type { Workload } from './workloads.ts'
import { zipf } from './workloads.ts'

const range = 1e7

/** Collects `length` keys from bursts that `burst` emits. */
function bursts(
  name: string,
  length: number,
  seed: number,
  burst: (random: SeededRandom, emit: (key: number) => void, at: () => number) => void,
): Workload {
  const random = new SeededRandom(seed)
  const keys = new Float64Array(length)
  let used = 0
  const emit = (key: number) => {
    if (used < length) keys[used++] = key
  }
  while (used < length) burst(random, emit, () => used / length)
  return { name, keys }
}

/** Visitors of a shop walk through a category from the popular to the rare; products come and go, and a campaign turns heads for a day. */
export function webShop(length: number, seed: number): Workload {
  const products = Math.ceil(length / 7)
  const categories = Math.max(4, Math.ceil(products / 120))
  const category = zipf(categories, 0.8)
  const rank = zipf(Math.ceil(products / categories) * 2, 0.9)
  const visitors: { category: number; left: number }[] = []
  return bursts('web shop', length, seed, (random, emit, at) => {
    const day = Math.floor(at() * 8)
    if (visitors.length < 25) {
      const campaign = random.next() < 0.15
      visitors.push({ category: campaign ? (day * 7919) % categories : category(random), left: random.integer(1, 30) })
    }
    const who = random.integer(0, visitors.length - 1)
    const visitor = visitors[who]!
    // A fifth of a category's shelf is new every day.
    const shelf = Math.floor(at() * 8 * 0.2 * (products / categories))
    const place = rank(random)
    emit(visitor.category * 1e4 + (place < 20 ? place : place + shelf))
    if (random.next() < 0.1) emit(5 * range + random.integer(0, 40))
    if (random.next() < 0.15) visitor.category = category(random)
    if (--visitor.left <= 0) visitors.splice(who, 1)
  })
}

/** Transactions load an order with its customer, lines and products, and come back to it after a while; at night jobs read tables once. */
export function objectMapper(length: number, seed: number): Workload {
  const customer = zipf(Math.ceil(length / 40), 0.7)
  const product = zipf(Math.ceil(length / 80), 1)
  const open: number[] = []
  let orders = 0
  let nightRow = 0
  return bursts('object mapper', length, seed, (random, emit, at) => {
    const hour = (at() * 5.3) % 1
    if (hour > 0.8) {
      for (let row = 0; row < 60; row++) emit(4 * range + (nightRow++ % Math.ceil(length / 9)))
      return
    }
    if (hour < 0.05) nightRow = 0
    const again = open.length > 20 && random.next() < 0.6
    const order = again ? open[random.integer(Math.max(0, open.length - 300), open.length - 1)]! : orders++
    if (!again) open.push(order)
    const own = new SeededRandom(order)
    emit(order)
    emit(range + customer(own))
    for (let line = own.integer(1, 5); line > 0; line--) {
      emit(2 * range + order * 8 + line)
      emit(3 * range + product(own))
    }
    emit(6 * range + random.integer(0, 30))
  })
}

/** What is recommended follows popularity that wanders: an item rises within hours, stays for days and is gone; many are asked for once. */
export function recommendations(length: number, seed: number): Workload {
  const items = Math.ceil(length / 25)
  const place = zipf(items, 0.85)
  const rows = Array.from({ length: items }, (_, at) => at)
  let fresh = items
  return bursts('recommendations', length, seed, (random, emit) => {
    for (let user = 0; user < 20; user++) {
      if (random.next() < 0.25) emit(range + random.integer(0, length))
      else emit(rows[place(random)]!)
    }
    // Neighbours in the chart change places, and now and then something new enters high up.
    for (let turn = 0; turn < 4; turn++) {
      const at = random.integer(1, items - 1)
      const up = Math.floor(at * (0.5 + random.next() / 2))
      ;[rows[at], rows[up]] = [rows[up]!, rows[at]!]
    }
    if (random.next() < 0.3) rows[random.integer(0, Math.ceil(items / 10))] = 2 * range + fresh++
  })
}

/** Programs of a workstation: each reads its own files in its own order, again at every start; some files belong to several. */
export function programs(length: number, seed: number): Workload {
  const setup = new SeededRandom(seed + 1)
  const files = Math.ceil(length / 6)
  const kinds = Array.from({ length: 6 }, () => {
    const start = setup.integer(0, files)
    return Array.from({ length: setup.integer(Math.ceil(files / 60), Math.ceil(files / 5)) }, (_, at) => start + at)
  })
  const running: { files: number[]; at: number; rounds: number }[] = []
  return bursts('programs', length, seed, (random, emit) => {
    if (running.length < 2) {
      const files = kinds[Math.min(kinds.length - 1, Math.floor(random.next() ** 2 * kinds.length))]!
      running.push({ files, at: 0, rounds: random.integer(1, 3) })
    }
    const which = random.integer(0, running.length - 1)
    const program = running[which]!
    for (let block = random.integer(1, 16); block > 0; block--) {
      emit(program.files[program.at]!)
      if (random.next() < 0.05) emit(range + random.integer(0, 60))
      if (++program.at === program.files.length) {
        program.at = 0
        program.rounds--
      }
    }
    if (program.rounds <= 0) running.splice(which, 1)
  })
}

/** Builds ask for nearly what the last one asked for: most artefacts again in nearly the same order, a few new for good. */
export function builds(length: number, seed: number): Workload {
  let artefacts = Array.from({ length: Math.ceil(length / 14) }, (_, at) => at)
  let fresh = artefacts.length
  return bursts('builds', length, seed, (random, emit) => {
    artefacts = artefacts.map((artefact) => (random.next() < 0.04 ? fresh++ : artefact))
    const share = random.next() < 0.6 ? random.next() * 0.4 : 1
    const from = random.integer(0, Math.floor(artefacts.length * (1 - share)))
    for (const artefact of artefacts.slice(from, from + Math.ceil(artefacts.length * share))) if (random.next() < 0.9) emit(artefact)
  })
}

/** Words of queries over a large index: a flat popularity that hardly moves, and long lists that are read in runs. */
export function search(length: number, seed: number): Workload {
  const word = zipf(Math.ceil(length / 2), 0.65)
  return bursts('search', length, seed, (random, emit) => {
    const start = word(random) * 8
    for (let block = Math.min(8, 1 + Math.floor(-Math.log(1 - random.next()) * 2)); block > 0; block--) emit(start + block)
  })
}

/** A tree with a hot root and cold leaves, ranges of it, and a log that is written, read soon after and then never. */
export function treeAndLog(length: number, seed: number): Workload {
  const leaves = Math.ceil(length / 8)
  const leaf = zipf(leaves, 0.5)
  let log = 0
  return bursts('tree and log', length, seed, (random, emit) => {
    emit(range)
    const start = (leaf(random) * 7919) % leaves
    emit(range + 1 + (start >>> 7))
    for (let read = random.next() < 0.1 ? random.integer(5, 60) : 1; read > 0; read--) emit(2 * range + ((start + read) % leaves))
    if (random.next() < 0.7) emit(3 * range + log++)
    if (random.next() < 0.6) emit(3 * range + Math.max(0, log - random.integer(1, 40)))
  })
}

/** What is read next is what was read lately: distances in the list of last uses follow a power law, and new keys always come. */
export function recencyStack(length: number, seed: number): Workload {
  const stack: number[] = []
  let fresh = 0
  return bursts('recency stack', length, seed, (random, emit) => {
    const depth = Math.floor((1 - random.next()) ** -1.6) - 1
    const key = depth < stack.length ? stack.splice(stack.length - 1 - depth, 1)[0]! : fresh++
    stack.push(key)
    if (stack.length > 20_000) stack.splice(0, 5000)
    emit(key)
  })
}

/** Phases come back: one of a few sets is in use for a while, after it another, mostly in the same order of phases. */
export function phases(length: number, seed: number): Workload {
  const setup = new SeededRandom(seed + 1)
  const sets = Array.from({ length: 7 }, () => {
    const start = setup.integer(0, Math.ceil(length / 9))
    return Array.from({ length: Math.ceil(length / 60) }, (_, at) => start + at * setup.integer(1, 2))
  })
  const rank = zipf(sets[0]!.length, 0.6)
  let phase = 0
  return bursts('phases', length, seed, (random, emit) => {
    phase = random.next() < 0.75 ? (phase + 1) % sets.length : random.integer(0, sets.length - 1)
    for (let left = random.integer(Math.ceil(length / 120), Math.ceil(length / 25)); left > 0; left--)
      emit(random.next() < 0.1 ? range + random.integer(0, 100) : sets[phase]![rank(random)]!)
  })
}

/** A vault: a state is written, checked a fixed while later, spent, and never seen again; a few are kept and asked for on and on. */
export function vault(length: number, seed: number): Workload {
  const later = new Map<number, number[]>()
  let tick = 0
  let fresh = 0
  return bursts('vault', length, seed, (random, emit) => {
    for (const key of later.get(tick) ?? []) emit(key)
    later.delete(tick)
    const key = fresh++
    emit(key)
    for (const lag of [random.integer(2, 6), 60 + random.integer(0, 4), ...(random.next() < 0.1 ? [900 + random.integer(0, 300)] : [])])
      later.set(tick + lag, [...(later.get(tick + lag) ?? []), key])
    if (random.next() < 0.4) emit(range + Math.floor(random.next() ** 3 * 200))
    tick++
  })
}

/** Tenants take turns over the day, each with its own popularity; at each turn the hot set is another one's. */
export function tenants(length: number, seed: number): Workload {
  const rank = zipf(Math.ceil(length / 50), 0.9)
  return bursts('tenants', length, seed, (random, emit, at) => {
    const turn = Math.floor(at() * 22)
    const tenant = random.next() < 0.7 ? turn % 5 : random.integer(0, 4)
    emit(tenant * range + rank(random))
  })
}

/** A delivery network: two thirds of all keys are asked for once, objects fade within a day, and a few stay for ever. */
export function delivery(length: number, seed: number): Workload {
  const rank = zipf(Math.ceil(length / 12), 0.9)
  const stable = zipf(Math.ceil(length / 100), 0.8)
  return bursts('delivery', length, seed, (random, emit, at) => {
    const draw = random.next()
    if (draw < 0.3) emit(range + random.integer(0, 20 * length))
    else if (draw < 0.75) emit(3 * range + Math.floor(at() * length * 0.12) - rank(random) * random.integer(1, 3))
    else emit(stable(random))
  })
}

/** A report that runs round and round over its table while others work, until another report takes its place. */
export function reports(length: number, seed: number): Workload {
  const rank = zipf(Math.ceil(length / 90), 0.9)
  let [table, row] = [0, 0]
  return bursts('reports', length, seed, (random, emit, at) => {
    const now = Math.floor(at() * 6.5)
    if (now !== table) [table, row] = [now, 0]
    const rows = Math.ceil(length / (15 + ((table * 37) % 60)))
    for (let run = 0; run < 8; run++) emit(table * range + (row++ % rows))
    for (let other = random.integer(0, 8); other > 0; other--) emit(99 * range + rank(random))
  })
}

export const cacheWorkloads = [
  webShop,
  objectMapper,
  recommendations,
  programs,
  builds,
  search,
  treeAndLog,
  recencyStack,
  phases,
  vault,
  tenants,
  delivery,
  reports,
] as const
