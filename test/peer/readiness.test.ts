// When a successor is ready, and what it lets its application take to the origin meanwhile.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MissBudget } from '../../peer/miss-budget.ts'
import { Readiness, type ReadyAt } from '../../peer/readiness.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('readiness')

function readiness(readyAt: Partial<ReadyAt>) {
  const clock = new ManualClock(0)
  const told: string[] = []
  const ready = new Readiness(clock, { hitMass: undefined, sources: {}, orAfterMs: 60_000, ...readyAt }, (why) => told.push(why))
  return { clock, told, ready }
}

test('a share of all expected reads makes it ready, once', () => {
  const { ready, told, clock } = readiness({ hitMass: 0.8 })
  ready.restored({ hitMass: 0.79, bySource: new Map() })
  assert.is(ready.why, undefined)
  ready.restored({ hitMass: 0.85, bySource: new Map() })
  ready.settle('something else')
  assert.equal(told, ['85 % of the expected reads are restored'])
  assert.is(clock.waiting, 0)
})

test('by source: all that are named must have their share, and the others need not', () => {
  const { ready, told } = readiness({ sources: { sessions: 1, models: 0.5 } })
  ready.restored({ hitMass: 0.9, bySource: new Map([['sessions', 1]]) })
  ready.restored({ hitMass: 0.9, bySource: new Map(Object.entries({ sessions: 0.99, models: 0.9 })) })
  assert.equal(told, [])
  ready.restored({ hitMass: 0.3, bySource: new Map(Object.entries({ sessions: 1, models: 0.5, rest: 0 })) })
  assert.equal(told, ['100 % of sessions, 50 % of models of the expected reads are restored'])
})

test('after a time it is ready in any case, and says so itself', () => {
  const { ready, told, clock } = readiness({ hitMass: 1, orAfterMs: 5000 })
  clock.advance(4999)
  assert.is(ready.why, undefined)
  clock.advance(1)
  assert.equal(told, ['the time is over'])
})

test('what was disposed leaves no timer', () => {
  const { ready, clock } = readiness({})
  ready[Symbol.dispose]()
  assert.is(clock.waiting, 0)
})

test('the budget of misses: a burst, then so many a second, and when the next may go', () => {
  const clock = new ManualClock(0)
  const budget = new MissBudget(clock, { perSecond: 100, burst: 50 })
  assert.equal(budget.take(40), { granted: 40, retryAfterMs: 0 })
  assert.equal(budget.take(20), { granted: 10, retryAfterMs: 10 })
  clock.advance(10)
  assert.equal(budget.take(1), { granted: 1, retryAfterMs: 0 })
  clock.advance(60_000)
  assert.is(budget.take(1000).granted, 50, 'what was not used is not saved up')
  assert.equal([budget.granted, budget.refused], [101, 960])
  assert.equal(new MissBudget(clock, undefined).take(1_000_000), { granted: 1_000_000, retryAfterMs: 0 })
})

test.run()
