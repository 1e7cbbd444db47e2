// The application is asked again when the rate turns out to be another than it was told.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { Deadline } from '../../src/deadline.ts'
import { Plan } from '../../src/plan/plan.ts'
import { EventLog } from '../../peer/events.ts'
import { Inventories } from '../../peer/handoff/inventories.ts'
import { RateWatch } from '../../peer/handoff/rate-watch.ts'
import type { InventoryQuery, Source } from '../../peer/source/source.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('asking again')

test('a rate counts when it was measured for a second with something in flight, and differs by more than a quarter', () => {
  const clock = new ManualClock(0)
  const rates: number[] = []
  const flow = new RateWatch(clock, 1000).open((rate) => rates.push(rate))
  flow.began()
  clock.advance(500)
  flow.acknowledged(1, true)
  assert.equal(rates, [], 'too soon')
  clock.advance(500)
  flow.acknowledged(1199, true)
  assert.equal(rates, [], '1200 is near enough to 1000')
  clock.advance(2000)
  flow.acknowledged(1000, false)
  assert.equal(rates, [500])
  clock.advance(60_000)
  flow.began()
  clock.advance(1000)
  flow.acknowledged(500, true)
  assert.equal(rates, [500], 'the pause in between is nobody’s slowness')
})

test('handoffs side by side are measured together, and all of them hear it; one that is over counts no more', () => {
  const clock = new ManualClock(0)
  const watch = new RateWatch(clock, 1000)
  const rates: string[] = []
  const [a, b] = ['a', 'b'].map((name) => watch.open((rate) => rates.push(`${name} ${rate}`)))
  a!.began()
  b!.began()
  clock.advance(500)
  a!.acknowledged(2000, false)
  clock.advance(500)
  b!.acknowledged(2000, true)
  assert.equal(rates, ['a 4000', 'b 4000'], 'b had something in flight all the while')
  b![Symbol.dispose]()
  clock.advance(60_000)
  a!.began()
  clock.advance(1000)
  a!.acknowledged(1000, false)
  assert.equal(rates.slice(2), ['a 1000'])
})

const chunksOf = (...ids: string[]) => ids.map((id): Chunk => ({ id, kind: 'data', bytes: 10 }))

async function open(answers: readonly (readonly Chunk[] | Error)[]) {
  const clock = new ManualClock(0)
  const queries: InventoryQuery[] = []
  const source: Source = {
    name: 'shop',
    kind: 'app',
    warm: () => Promise.resolve(),
    async *inventory(query) {
      queries.push(query)
      const answer = answers[queries.length - 1]!
      if (answer instanceof Error) throw answer
      yield [...answer]
    },
    read: () => assert.unreachable() as never,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  const deadline = new Deadline(clock, 10_000)
  const plan = new Plan()
  plan.addSource('shop', 'app', { order: 'app' })
  const inventories = new Inventories({
    sources: [source],
    plan,
    query: { handoff: '00', reason: 'test', deadlineMs: 10_000, rateBytesPerSecond: 1000, budgetBytes: 10_000 },
    deadline,
    clock,
    events: new EventLog(clock),
    onChange() {},
    onFailed() {},
  })
  const { signal } = new AbortController()
  await inventories.take(signal)
  const rest = () => plan.take(0, Infinity, 0).map(({ id }) => id)
  return { clock, deadline, queries, plan, rest, again: (rate: number) => inventories.again(rate, signal) }
}

test('it is told what is left of the time, the rate and the bytes, and what it answers replaces what has not gone', async () => {
  const { clock, queries, plan, rest, again } = await open([chunksOf('a', 'b', 'c'), chunksOf('c', 'a', 'd')])
  assert.equal(
    plan.take(0, 10, 0).map(({ id }) => id),
    ['a'],
  )
  clock.advance(4000)
  await again(500)
  const { requery, deadlineMs, rateBytesPerSecond, budgetBytes } = queries[1]!
  assert.equal(
    { requery, deadlineMs, rateBytesPerSecond, budgetBytes },
    { requery: true, deadlineMs: 6000, rateBytesPerSecond: 500, budgetBytes: 3000 },
  )
  assert.equal(rest(), ['c', 'd'])
})

test('it is asked again when the time is cut short, with the rate that it was told last', async () => {
  const { clock, deadline, queries } = await open([chunksOf('a', 'b'), chunksOf('b', 'a')])
  clock.advance(1000)
  deadline.moveTo(3000)
  const { requery, deadlineMs, rateBytesPerSecond, budgetBytes } = queries[1]!
  assert.equal(
    { requery, deadlineMs, rateBytesPerSecond, budgetBytes },
    { requery: true, deadlineMs: 2000, rateBytesPerSecond: 1000, budgetBytes: 2000 },
  )
})

test('an application that does not answer again is held to what it said first; one with nothing left is not asked', async () => {
  const { queries, rest, again } = await open([chunksOf('a', 'b'), new Error('busy')])
  await again(500)
  assert.equal(rest(), ['a', 'b'])
  await again(100)
  assert.is(queries.length, 2)
})

test.run()
