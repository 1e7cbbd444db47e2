// Whatever a metadata service answers: a notice that makes sense, or an error that says what is wrong.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Cloud } from '../../peer/notice/cloud.ts'
import { clouds } from '../../peer/notice/clouds.ts'
import { FlagBoard } from '../../peer/notice/flag-board.ts'
import { MetadataService } from '../../peer/notice/metadata-service.ts'
import { HeirloomError } from '../../src/errors.ts'
import { azureVmName, paths } from '../cloud/endpoints.ts'
import { startMs } from '../cloud/watching.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('notices of any answer')
const signal = new AbortController().signal

const date = fc.oneof(
  fc.constantFrom(
    '2026-01-18T12:00:30Z',
    'Sun, 18 Jan 2026 12:20:00 GMT',
    '18 Jan 2026 12:01:00 GMT',
    '2026-01-18 20:01:00',
    '1768737660',
    '',
  ),
  fc.string({ maxLength: 40 }),
)
const key = fc.constantFrom(
  'action',
  'time',
  'noticeTime',
  'NotBefore',
  'Code',
  'State',
  'EventId',
  'EventType',
  'EventStatus',
  'Resources',
  'Events',
)
const word = fc.constantFrom('terminate', 'hibernate', 'active', 'Scheduled', 'Started', 'Preempt', 'Reboot', 'instance-stop', azureVmName)
const { value: likely } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    date,
    word,
    fc.jsonValue({ maxDepth: 1 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 8 }),
  ),
}))
const text = fc.oneof(
  likely.map((value) => JSON.stringify(value)),
  date,
  fc.constantFrom('TRUE', 'FALSE', 'Terminated', 'TERMINATE_ON_HOST_MAINTENANCE'),
  fc.string({ unit: 'binary', maxLength: 200 }),
)
const header = fc.option(fc.oneof(date, fc.string({ maxLength: 30 })), { nil: undefined })

async function noticesOf(cloud: Cloud, said: string, headers: string | undefined): Promise<number> {
  const clock = new ManualClock(startMs)
  const call = async (url: string) => {
    const body = url.includes(paths.azureName) ? azureVmName : url.includes('/api/token') ? 'token' : said
    return { status: 200, header: () => headers, body: bytesOf(body) }
  }
  const service = new MetadataService({ endpoint: cloud.endpoint, clock, call })
  let count = 0
  for (const watched of cloud.watch(service, { deadlineMs: cloud.deadlineMs, tell: () => {} })) {
    const board = new FlagBoard(clock)
    try {
      for (const { id, kind, reason, deadlineMs } of board.update((await watched.look({ signal })).flags)) {
        assert.ok(Number.isFinite(deadlineMs) && deadlineMs > 0, `${deadlineMs} ms`)
        assert.ok(['preempt', 'terminate', 'rebalance'].includes(kind))
        assert.ok(reason.length > 0 && reason.length < 500 && id!.length < 500)
        count++
      }
      assert.ok(board.update([]).every(({ withdrawn }) => withdrawn))
    } catch (thrown) {
      if (!(thrown instanceof HeirloomError)) throw thrown
    }
  }
  assert.is(clock.waiting, 0, 'a timer is left')
  return count
}

async function* bytesOf(said: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(said)
}

for (const cloud of clouds) {
  test(`${cloud.name} may answer anything`, async () => {
    let notices = 0
    await fc.assert(
      fc.asyncProperty(text, header, async (said, headers) => {
        notices += await noticesOf(cloud, said, headers)
      }),
      { numRuns: 500 },
    )
    assert.ok(cloud.kind === 'azure' || notices > 0, 'no answer made a notice: the answers are too unlikely')
  })
}
test.run()
