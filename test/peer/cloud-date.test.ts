// The dates of metadata services.

import { inspect } from 'node:util'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseCloudDate } from '../../peer/notice/cloud-date.ts'

const test = suite('cloud date')
const at = Date.UTC(2019, 0, 21, 9, 0, 43)

test('every form is read as the moment that it means', () => {
  const forms: (string | number)[] = [
    '2019-01-21T09:00:43Z',
    '2019-01-21T09:00:43.123Z',
    '2019-01-21T09:00:43.123456789Z',
    '2019-01-21T09:00:43+00:00',
    '2019-01-21T10:30:43+01:30',
    '2019-01-21T04:00:43-0500',
    '2019-01-21 09:00:43',
    '2019-01-21 09:00:43 UTC',
    '2019-01-21T09:00:43',
    ' 2019-01-21T09:00:43Z\n',
    'Mon, 21 Jan 2019 09:00:43 GMT',
    '21 Jan 2019 09:00:43 GMT',
    '21 JAN 2019 09:00:43 UTC',
    'Mon, 21 Jan 2019 10:00:43 +0100',
    '1548061243',
    1_548_061_243,
    1_548_061_243.9,
    '1548061243000',
    1_548_061_243_000,
  ]
  for (const form of forms) assert.is(parseCloudDate(form), at, String(form))
  assert.is(parseCloudDate('1 Jan 2019 09:00:43 GMT'), Date.UTC(2019, 0, 1, 9, 0, 43))
  assert.is(parseCloudDate('2019-01-21T09:00Z'), at - 43_000)
})

test('a zone that goes without saying holds only where none is said', () => {
  assert.is(parseCloudDate('2019-01-21 17:00:43', { zoneMinutes: 480 }), at)
  assert.is(parseCloudDate('2019-01-21T09:00:43Z', { zoneMinutes: 480 }), at)
  assert.is(parseCloudDate('1548061243', { zoneMinutes: 480 }), at)
})

test('what is no date is none', () => {
  const none = [
    '',
    'soon',
    '2019-13-01T00:00:00Z',
    '2019-02-30T00:00:00Z',
    '2019-01-21T25:00:00Z',
    '2019-01-21T09:61:00Z',
    '21 Foo 2019 09:00:43 GMT',
    '0',
    '-1',
    '99999999999999999999',
    null,
    undefined,
    {},
    Number.NaN,
    Infinity,
    true,
  ]
  for (const value of none) assert.is(parseCloudDate(value), undefined, inspect(value))
})

test('anything at all is a date or none, and every date survives being written in both forms', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      const read = parseCloudDate(value)
      assert.ok(read === undefined || Number.isFinite(read))
    }),
  )
  fc.assert(fc.property(fc.string({ maxLength: 100 }), (text) => void parseCloudDate(text)))
  const seconds = fc.integer({ min: 0, max: 4_000_000_000 })
  fc.assert(
    fc.property(seconds, (second) => {
      const date = new Date(second * 1000)
      assert.is(parseCloudDate(date.toISOString()), second * 1000)
      assert.is(parseCloudDate(date.toUTCString()), second * 1000)
    }),
  )
})
test.run()
