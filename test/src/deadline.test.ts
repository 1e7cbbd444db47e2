import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Deadline } from '../../src/deadline.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('deadline')

function derived(clock: ManualClock, deadline: Deadline) {
  return { before: deadline.before(3_000), slice: deadline.slice(20_000), reserving: deadline.reserving(10_000), clock }
}

test('what was derived from a deadline moves with it, and a slice no further than its own length', () => {
  const clock = new ManualClock(0)
  const deadline = Deadline.after(clock, 30_000)
  const { before, slice, reserving } = derived(clock, deadline)
  const left = () => [deadline, before, slice, reserving, before.slice(1e9)].map(({ leftMs }) => leftMs)
  assert.equal(left(), [30_000, 27_000, 20_000, 20_000, 27_000])
  deadline.moveTo(10_000)
  assert.equal(left(), [10_000, 7_000, 10_000, 5_000, 7_000], 'of a short time half is kept for the work')
  deadline.moveTo(60_000)
  assert.equal(left(), [60_000, 57_000, 20_000, 50_000, 57_000])
  clock.advance(1_000)
  deadline.moveTo(500)
  assert.ok(deadline.passed && before.passed && reserving.passed)
})

test('a signal comes at the deadline wherever it was moved, once, and leaves no timer', () => {
  const clock = new ManualClock(0)
  const deadline = Deadline.after(clock, 30_000)
  const signals = { early: deadline.signal(), late: deadline.before(1_000).signal(), over: deadline.signal() }
  signals.over[Symbol.dispose]()
  deadline.moveTo(10_000)
  clock.advance(9_000)
  assert.equal([signals.early.signal.aborted, signals.late.signal.aborted], [false, true])
  deadline.moveTo(20_000)
  clock.advance(10_999)
  assert.not.ok(signals.early.signal.aborted)
  clock.advance(1)
  assert.ok(signals.early.signal.aborted)
  assert.not.ok(signals.over.signal.aborted)
  for (const signal of Object.values(signals)) signal[Symbol.dispose]()
  deadline.moveTo(90_000)
  assert.is(clock.waiting, 0)
})

test.run()
