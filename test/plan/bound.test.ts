// The bound of the linear program: against a solver, and the plan against the bound.

import highs from 'highs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { fractionalBound, type Capacity, type Segment } from '../../src/plan/bound.ts'
import { arrivalLikelihood, capacitiesOf } from '../../src/plan/channels.ts'
import { Plan, type Criteria } from '../../src/plan/plan.ts'
import { SeededRandom, withSeed } from '../helpers/seed.ts'

const test = suite('the bound of a plan')

/** The package's types say that its default export is a property of itself; the module that Node and Deno load has it as one. */
const openSolver = highs as unknown as () => Promise<{ solve(program: string): { ObjectiveValue: number } }>

/** The program as HiGHS takes it; `before` are pairs of chunks of which the first goes at least as far as the second. */
function program(segments: readonly Segment[], capacities: readonly Capacity[], before: readonly [number, number][] = []): string {
  const variables = segments.flatMap((_, i) => capacities.map((_channel, c) => `x${i}_${c}`))
  const worth = segments.flatMap(({ value }, i) => capacities.map(({ likelihood }, c) => `${value * likelihood} x${i}_${c}`))
  const rows = [
    ...capacities.map(({ bytes }, c) => `${segments.map((segment, i) => `${segment.bytes} x${i}_${c}`).join(' + ')} <= ${bytes}`),
    ...segments.map((_, i) => `${capacities.map((_channel, c) => `x${i}_${c}`).join(' + ')} <= 1`),
    ...before.map(([a, b]) => capacities.map((_, c) => `x${a}_${c} - x${b}_${c}`).join(' + ') + ' >= 0'),
  ]
  return [
    'Maximize',
    ` obj: ${worth.join(' + ')}`,
    'Subject To',
    ...rows.map((row, index) => ` r${index}: ${row}`),
    'Bounds',
    ...variables.map((name) => ` 0 <= ${name} <= 1`),
    'End',
  ].join('\n')
}

const segmentsOf = (random: SeededRandom, count: number) =>
  Array.from({ length: count }, (): Segment => ({ bytes: random.integer(1, 500), value: random.integer(0, 1000) / 100 }))

test('greedy over two channels reaches what the solver does', async () => {
  const solver = await openSolver()
  await withSeed(async (random) => {
    for (let round = 0; round < 40; round++) {
      const segments = segmentsOf(random, random.integer(1, 20))
      const capacities = [1, 2].map(() => ({ bytes: random.integer(1, 3000), likelihood: random.integer(0, 10) / 10 }))
      const solved = solver.solve(program(segments, capacities)).ObjectiveValue
      const greedy = fractionalBound(segments, capacities)
      assert.ok(Math.abs(greedy - solved) <= 1e-6 * Math.max(1, solved), `${greedy} is not ${solved}`)
    }
  })
})

test("under an application's own order the plan's bound is the solver's", async () => {
  const solver = await openSolver()
  await withSeed(async (random) => {
    for (let round = 0; round < 20; round++) {
      const segments = segmentsOf(random, random.integer(2, 15))
      const all = segments.reduce((sum, { value }) => sum + value, 0)
      if (all === 0) continue
      const capacity = { bytes: random.integer(1, 3000), likelihood: 1 }
      const order = segments.slice(1).map((_, index): [number, number] => [index, index + 1])
      const plan = new Plan()
      const { index } = plan.addSource('app', 'app', { order: 'app' })
      plan.add(
        index,
        segments.map(({ bytes, value }, id) => ({ id: `${id}`, kind: 'data', bytes, readProbability: value })),
      )
      const solved = solver.solve(program(segments, [capacity], order)).ObjectiveValue / all
      const bound = plan.bound([capacity])
      // Blocks of nearly the same value per byte are counted together.
      assert.ok(bound >= solved - 1e-6 && bound <= solved * 1.02 + 1e-6, `${bound} is not ${solved}`)
    }
  })
})

function inventory(random: SeededRandom, count: number): Chunk[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${index}`,
    kind: random.next() < 0.02 ? ('metadata' as const) : ('data' as const),
    bytes: random.integer(1, 8000),
    readProbability: random.next() ** 6,
    ...(random.next() < 0.05 && { dirty: true }),
  }))
}

/** What goes when so many bytes can be moved, as the handoff takes it: the best head of all sources, until the time is over. */
function sentWithin(plan: Plan, budget: number): { index: number; chunk: Chunk }[] {
  const next = (index: number) => plan.take(index, 0, 0)[0]
  const heads = plan.sources().map(({ index }) => ({ index, chunk: next(index) }))
  const sent: { index: number; chunk: Chunk }[] = []
  for (let bytes = 0; ;) {
    const up = heads.filter((head): head is { index: number; chunk: Chunk } => head.chunk !== undefined)
    const [best] = up.toSorted((a, b) => plan.compare(a.index, a.chunk, b.index, b.chunk))
    if (best === undefined || bytes + best.chunk.bytes! > budget) return sent
    bytes += best.chunk.bytes!
    sent.push({ ...best })
    plan.sent(best.index, best.chunk, best.chunk.bytes!)
    heads[best.index]!.chunk = next(best.index)
  }
}

function massOf(plan: Plan, sent: readonly { index: number; chunk: Chunk }[]): number {
  const weights = plan.sources().reduce((sum, { weight }) => sum + weight, 0)
  const of = ({ index, chunk }: { index: number; chunk: Chunk }) =>
    (chunk.readProbability! * plan.sources()[index]!.weight) / plan.totals(index).weight / weights
  return sent.reduce((sum, entry) => sum + of(entry), 0)
}

test('a plan is worth at least 99 % of its bound, whatever the sources, their orders, weights and shares', async () => {
  const criteria: Criteria[] = [
    { order: 'forecast' },
    { order: 'app', weight: 3 },
    { order: 'forecast', weight: 0.5, share: { least: 0.2 } },
    { order: 'forecast', share: { most: 0.3 } },
  ]
  await withSeed(async (random) => {
    for (const share of [0.15, 0.3, 0.6, 0.9, 1]) {
      const plan = new Plan()
      for (const each of criteria) {
        const chunks = inventory(random, random.integer(8000, 10_000))
        // An application's order has some sense: the likeliest first, whatever their sizes. (Of an order without any, the program reaches more
        // than any plan could, since it may take a little of every chunk.)
        const listed = each.order === 'app' ? chunks.toSorted((a, b) => b.readProbability! - a.readProbability!) : chunks
        plan.add(plan.addSource('source', 'app', each).index, listed)
      }
      const budget = Math.floor(share * plan.sources().reduce((sum, { index }) => sum + plan.totals(index).bytes, 0))
      const bound = plan.bound([{ bytes: budget, likelihood: 1 }])
      const mass = massOf(plan, sentWithin(plan, budget))
      // Shares are kept to a chunk, and blocks of like value counted together.
      assert.ok(mass <= 1.001 * bound, `at ${share} the plan is worth ${mass}, more than its bound ${bound}`)
      assert.ok(mass >= 0.99 * bound, `at ${share} the plan is worth ${mass} of ${bound}`)
    }
  })
})

test('the bound that is kept while chunks are listed is that of the program, within a hundredth', async () => {
  await withSeed(async (random) => {
    const chunks = inventory(random, 5000).filter(({ kind, dirty }) => kind === 'data' && dirty !== true)
    const plan = new Plan()
    plan.add(plan.addSource('one', 'app', { order: 'forecast' }).index, chunks)
    const { weight, bytes } = plan.totals(0)
    const segments = chunks.map((chunk) => ({ bytes: chunk.bytes!, value: chunk.readProbability! / weight }))
    for (const share of [0.01, 0.05, 0.25, 0.5, 0.99]) {
      const capacities = [
        { bytes: 0.7 * share * bytes, likelihood: 1 },
        { bytes: 0.3 * share * bytes, likelihood: 0.4 },
      ]
      const exact = fractionalBound(segments, capacities)
      const kept = plan.bound(capacities)
      assert.ok(kept >= exact - 1e-9 && kept <= 1.01 * exact, `${kept} is not ${exact}`)
    }
  })
})

test('what has vanished is not in the bound, and sources without expected reads are not in the way', () => {
  const plan = new Plan()
  const one = plan.addSource('one', 'app', { order: 'forecast' }).index
  plan.addSource('empty', 'app')
  const chunks = [1, 2, 3, 4].map((id): Chunk => ({ id: `${id}`, kind: 'data', bytes: 10 }))
  plan.add(one, chunks)
  assert.is(plan.bound([{ bytes: Infinity, likelihood: 1 }]), 1)
  plan.leaveOut(one, chunks[0]!, 'vanished')
  assert.is(plan.bound([{ bytes: Infinity, likelihood: 1 }]), 0.5 + 0.75 / 2)
})

test('channels move what their rate allows from when they are up; a limit on the bytes goes to the likeliest', () => {
  const channels = [
    { lane: 'stream', bytesPerSecond: 100, upAfterMs: 6000, likelihood: 0.5 },
    { lane: 'store', bytesPerSecond: 10, upAfterMs: 0, likelihood: 1 },
  ] as const
  const bytes = (leftMs: number, bytesMax?: number) => capacitiesOf(channels, leftMs, bytesMax).map((capacity) => capacity.bytes)
  assert.equal(bytes(10_000), [100, 400])
  assert.equal(bytes(5000), [50, 0])
  assert.equal(bytes(10_000, 150), [100, 50])
})

test('a successor is the likelier to be there the longer one waits, as recorded', () => {
  const at = [1, 60_000, 120_000, 578_000, 3_332_000, 1e9].map(arrivalLikelihood)
  assert.equal(
    at,
    at.toSorted((a, b) => a - b),
  )
  assert.equal(at.slice(2, 5), [8 / 221, 0.5, 0.9])
  assert.is(at.at(-1), 1)
})

test.run()
