// When packs are compressed: by what the link and the compressor were seen to move.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  compressionTrialMs,
  compressionTrialPacks,
  linkRateSampleMs,
  linkTrialAfterPacks,
  linkTrialPacksMax,
} from '../../src/limits/plan.ts'
import { CompressionChoice, type Compression } from '../../src/plan/compression-choice.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('compression choice')

const MB = 1e6
const slow = 50 * MB
const quick = 1000 * MB
/** JSON, as zstd 1 does it on one core. */
const shrinks = { share: 0.25, bytesPerSecond: 320 * MB }
const random = { share: 1, bytesPerSecond: 1300 * MB }

/** A link that moves `rate`, and state of which the compressor makes `share` at its rate. */
class Bench {
  readonly clock = new ManualClock(0)
  readonly choice: CompressionChoice

  constructor(assumed: number) {
    this.choice = new CompressionChoice(this.clock, assumed)
  }

  tried(source: number, { share, bytesPerSecond }: typeof shrinks, isSample = false): void {
    this.choice.compressed(source, { plainBytes: MB, compressedBytes: share * MB, tookMs: (MB / bytesPerSecond) * 1000, isSample })
  }

  /** The link is full for a while and moves so much a second. */
  full(rate: number): void {
    this.choice.moved(0, { waiting: 1, flying: 1 })
    this.clock.advance(linkRateSampleMs)
    this.choice.moved((rate * linkRateSampleMs) / 1000, { waiting: 1, flying: 1 })
  }

  next(count: number, source = 0): Compression[] {
    return Array.from({ length: count }, () => this.choice.next(source))
  }
}

const every = (all: readonly Compression[], how: Compression) => all.every((each) => each === how)

test('the first pack does not wait for a compressor, but a part of it is tried', () => {
  assert.equal(new Bench(slow).next(2), ['sample', 'none'])
})

test('what shrinks is compressed for a slow link, and not for one that is quicker than the compressor', () => {
  const bench = new Bench(slow)
  bench.tried(0, shrinks)
  assert.ok(every(bench.next(10), 'whole'))
  bench.full(quick)
  assert.not.ok(bench.next(10).includes('whole'))
  bench.full(slow)
  assert.ok(every(bench.next(10), 'whole'))
})

test('what does not shrink goes as it is, and is tried again now and then', () => {
  const bench = new Bench(slow)
  bench.tried(0, random)
  const trials = () => {
    const how = bench.next(3 * compressionTrialPacks)
    assert.not.ok(how.includes('whole'))
    return how.filter((each) => each === 'sample').length
  }
  assert.is(trials(), 1)
  bench.clock.advance(compressionTrialMs - 1)
  assert.is(trials(), 0)
  bench.clock.advance(1)
  assert.is(trials(), 1)
})

test('however long nothing is tried, it is not tried before some packs have gone as they are', () => {
  const bench = new Bench(slow)
  bench.tried(0, random)
  bench.next(1)
  bench.clock.advance(10 * compressionTrialMs)
  assert.ok(every(bench.next(compressionTrialPacks - 1), 'none'))
  assert.equal(bench.next(1), ['sample'])
})

test('a gain that is too small for its price is left', () => {
  const bench = new Bench(slow)
  bench.tried(0, { share: 0.95, bytesPerSecond: quick })
  assert.not.ok(bench.next(5).includes('whole'))
})

test('a machine whose compressor is slower than the link goes without it; a slow sample alone says nothing', () => {
  const bench = new Bench(slow)
  bench.tried(0, { share: 0.25, bytesPerSecond: MB }, true)
  assert.ok(every(bench.next(5), 'whole'))
  for (let pack = 0; pack < 5; pack++) bench.tried(0, { share: 0.25, bytesPerSecond: slow / 2 })
  assert.not.ok(bench.next(5).includes('whole'))
  bench.tried(0, shrinks, true)
  assert.ok(every(bench.next(5), 'whole'))
})

test('each source has its own experience', () => {
  const bench = new Bench(slow)
  bench.tried(0, shrinks)
  bench.tried(1, random)
  assert.ok(every(bench.next(5, 0), 'whole'))
  assert.not.ok(bench.next(5, 1).includes('whole'))
})

test('state that becomes another is compressed, or not, from then on', () => {
  const bench = new Bench(slow)
  bench.tried(0, random)
  for (let trial = 0; trial < 5; trial++) bench.tried(0, shrinks)
  assert.ok(every(bench.next(5), 'whole'))
  for (let trial = 0; trial < 5; trial++) bench.tried(0, random)
  assert.not.ok(bench.next(5).includes('whole'))
})

test('a link that never lets packs wait is tried without the compressor, and then kept so if that is quicker', () => {
  const bench = new Bench(slow)
  bench.tried(0, shrinks)
  // The compressor is the slower one: nothing waits, so nothing is known.
  bench.choice.moved(MB, { waiting: 0, flying: 1 })
  assert.ok(every(bench.next(linkTrialAfterPacks), 'whole'))
  assert.not.ok(bench.next(5).includes('whole'))
  bench.choice.moved(0, { waiting: 0, flying: 3 })
  bench.clock.advance(linkRateSampleMs)
  bench.choice.moved((quick * linkRateSampleMs) / 1000, { waiting: 0, flying: 3 })
  assert.not.ok(bench.next(linkTrialAfterPacks).includes('whole'))
})

test('a trial of the link that shows nothing ends, and comes again', () => {
  const bench = new Bench(slow)
  bench.tried(0, shrinks)
  bench.next(linkTrialAfterPacks)
  assert.not.ok(bench.next(linkTrialPacksMax).includes('whole'))
  assert.ok(every(bench.next(linkTrialAfterPacks), 'whole'))
  assert.not.ok(bench.next(1).includes('whole'))
})

test('time in which nothing waits is no measurement of the link', () => {
  const bench = new Bench(slow)
  bench.tried(0, shrinks)
  bench.next(1)
  bench.choice.moved(0, { waiting: 1, flying: 1 })
  bench.choice.moved(0, { waiting: 0, flying: 0 })
  bench.clock.advance(linkRateSampleMs)
  bench.choice.moved(quick, { waiting: 1, flying: 1 })
  assert.ok(every(bench.next(5), 'whole'))
})

test.run()
