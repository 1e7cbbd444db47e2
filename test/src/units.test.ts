import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HeirloomError } from '../../src/errors.ts'
import {
  formatDuration,
  formatRate,
  formatSize,
  humanDuration,
  humanRate,
  humanSize,
  parseDuration,
  parseRate,
  parseSize,
} from '../../src/units.ts'

const test = suite('units')

function refusal(run: () => unknown): HeirloomError {
  try {
    run()
  } catch (thrown) {
    assert.instance(thrown, HeirloomError)
    return thrown as HeirloomError
  }
  throw new Error('nothing was refused')
}

test('durations are read in every unit, also joined', () => {
  const read = Object.entries({
    '500ms': 500,
    '30s': 30_000,
    '2m': 120_000,
    '6h': 21_600_000,
    '1d': 86_400_000,
    '1h30m': 5_400_000,
    '1.5s': 1500,
    '0': 0,
    '0s': 0,
  })
  for (const [text, ms] of read) assert.is(parseDuration(text), ms, text)
})

test('sizes are decimal with B and binary with iB', () => {
  const read = Object.entries({
    '10B': 10,
    '64KiB': 65_536,
    '8GB': 8e9,
    '1MiB': 1_048_576,
    '1.5GB': 1.5e9,
    '2TiB': 2 ** 41,
    '1kb': 1000,
    '4 MB': 4e6,
    '0': 0,
  })
  for (const [text, bytes] of read) assert.is(parseSize(text), bytes, text)
})

test('rates are sizes a second', () => {
  assert.is(parseRate('100MB/s'), 100e6)
  assert.is(parseRate('1MiB/s'), 1_048_576)
})

test('what is no duration is refused with what was expected', () => {
  for (const text of ['', ' ', 's', '5 parsecs', '-5s', '1e3s', '5s!', 's5', '1,5s', '9999999999999999d']) {
    assert.is(refusal(() => parseDuration(text)).code, 'usage', text)
  }
  assert.is(refusal(() => parseDuration('30')).hint, 'a unit is missing: did you mean 30s?')
  assert.match(refusal(() => parseDuration('soon')).hint!, /30s/)
})

test('what is no size or rate is refused with what was expected', () => {
  for (const text of ['', '8XB', 'MB', '-1B', '8 G B', '1e3B']) assert.is(refusal(() => parseSize(text)).code, 'usage', text)
  assert.is(refusal(() => parseSize('8G')).hint, 'write 8GB or 8GiB')
  assert.is(refusal(() => parseSize('8')).hint, 'a unit is missing: did you mean 8MB?')
  for (const text of ['100MB', '100MB/m', '0B/s', '/s']) assert.match(refusal(() => parseRate(text)).hint!, /100MB\/s/)
})

test('what was formatted reads as the same number', () => {
  const whole = fc.oneof(
    fc.maxSafeNat(),
    fc.nat(),
    fc.nat(10_000),
    fc.nat(2000).map((n) => n * 1024),
    fc.nat(2000).map((n) => n * 3_600_000),
  )
  fc.assert(
    fc.property(whole, (value) => {
      assert.is(parseDuration(formatDuration(value)), value)
      assert.is(parseSize(formatSize(value)), value)
      if (value > 0) assert.is(parseRate(formatRate(value)), value)
    }),
  )
})

test('any text is read or refused as usage, never anything else', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{0,20}(ms|s|m|h|d|B|KB|MiB|GB)?(\/s)?$/))
  fc.assert(
    fc.property(text, fc.constantFrom(parseDuration, parseSize, parseRate), (input, parse) => {
      try {
        const value = parse(input)
        assert.ok(Number.isSafeInteger(value) && value >= 0)
      } catch (thrown) {
        assert.is((thrown as HeirloomError).code, 'usage')
      }
    }),
  )
})

test('for people numbers are rounded', () => {
  assert.is(humanDuration(812.4), '812 ms')
  assert.is(humanDuration(3449), '3.4 s')
  assert.is(humanDuration(59_990), '1 m 0 s')
  assert.is(humanDuration(125_000), '2 m 5 s')
  assert.is(humanDuration(21_600_000), '6 h 0 m')
  assert.is(humanSize(999), '999 B')
  assert.is(humanSize(1_073_741_824), '1.07 GB')
  assert.is(humanSize(999_999), '1.00 MB')
  assert.is(humanSize(52.34e6), '52.3 MB')
  assert.is(humanRate(312e6), '312 MB/s')
})

test.run()
