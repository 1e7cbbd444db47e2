// What the benchmark says of its measurements, and its command line. What it measures is measured by running it.

import { CommanderError } from 'commander'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseBenchOptions, parts } from '../../scripts/bench/options.ts'
import { fullSizes, quickSizes } from '../../scripts/bench/plan.ts'
import { row } from '../../scripts/bench/series.ts'

/** Root, servers of others, or a reason of their own. */
const needMore: readonly string[] = ['preship', 'planner', 'shaped', 'redis', 'memcached']

const bench = suite('benchmark')

bench('a row has the least, the middle and the most of its runs, in the order they were measured', () => {
  const { runs, min, median, max } = row('lane', 'MB/s', [300, 100, 200])
  assert.equal({ runs, min, median, max }, { runs: [300, 100, 200], min: 100, median: 200, max: 300 })
  assert.is(row('lane', 'MB/s', [1, 2, 3, 10]).median, 2.5)
})

bench('a ratio is taken round by round, so that a slow hour of the machine changes nothing', () => {
  const { ratio, reached } = row('lane', 'MB/s', [90, 45, 9], { baseline: [100, 50, 10], target: { least: 0.85 } })
  assert.is(ratio, 0.9)
  assert.is(reached, true)
})

bench('a target is judged by the median where there is no baseline', () => {
  assert.is(row('latency', 'ms', [10, 60, 70], { target: { most: 50 } }).reached, false)
  assert.is(row('latency', 'ms', [10, 20, 900], { target: { most: 50 } }).reached, true)
  assert.is(row('latency', 'ms', [10]).reached, undefined)
})

bench('a target may be of the median although there is a baseline', () => {
  const { ratio, reached } = row('files', 'files/s', [90, 90, 90], { baseline: [100, 100, 100], target: { least: 50 }, judgeBy: 'median' })
  assert.is(ratio, 0.9)
  assert.is(reached, true)
})

bench('without arguments every kind of handoff is measured in full', () => {
  const { only, sizes, rounds, json } = parseBenchOptions([], () => {})
  assert.equal(
    { only, sizes, rounds, json },
    { only: parts.filter((part) => !needMore.includes(part)), sizes: fullSizes, rounds: 5, json: false },
  )
})

bench('parts and sizes can be chosen', () => {
  const { only, sizes } = parseBenchOptions(['--quick', '--only', 'rates,memory'], () => {})
  assert.equal({ only, sizes }, { only: ['rates', 'memory'], sizes: quickSizes })
})

bench('an unknown part and a number of rounds that is none are usage errors', () => {
  for (const args of [
    ['--only', 'speed'],
    ['--rounds', '0'],
  ]) {
    assert.throws(
      () => parseBenchOptions(args, () => {}),
      (thrown: unknown) => thrown instanceof CommanderError,
    )
  }
})

bench.run()
