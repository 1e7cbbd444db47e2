// The event log of a peer: what is told, what is kept, and what is the last word.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EventLog } from '../../peer/events.ts'
import { eventsKeptMax } from '../../src/limits/agent.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { nowMs } from '../helpers/pool.ts'

const test = suite('the event log')

test('the last word is the last: nothing is told or kept after it', () => {
  const log = new EventLog(new ManualClock(nowMs))
  const told: string[] = []
  log.listen(({ event }) => void told.push(event))
  log.emit('notice')
  log.end('result', { outcome: 'parked' })
  log.emit('notice-again')
  assert.equal(told, ['notice', 'result'])
  assert.equal(log.recent().at(-1), { outcome: 'parked', event: 'result', atMs: nowMs })
})

test('only the last events are kept for who comes later', () => {
  const log = new EventLog(new ManualClock(nowMs))
  for (let index = 0; index <= eventsKeptMax; index++) log.emit('pack', { index })
  assert.is(log.recent().length, eventsKeptMax)
  assert.is(log.recent()[0]!['index'], 1)
})

test.run()
