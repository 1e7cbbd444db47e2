// Waiting for a handoff at a relay that has troubles of its own.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { waitForAssignment } from '../../peer/inherit/wait.ts'
import type { RelayClient } from '../../peer/relay-client.ts'
import { HeirloomError, type ErrorCode } from '../../src/errors.ts'
import { retryMaxMs } from '../../src/limits/link.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('waiting for a handoff')

/** Waits at a relay that answers the first time with this error, and with an assignment then. */
function waitAt(code: ErrorCode) {
  const clock = new ManualClock(1_000)
  let asked = 0
  const request = () => {
    if (asked++ === 0) return Promise.reject(new HeirloomError(code, 'not now'))
    return Promise.resolve({ result: { case: 'assignment', value: { epoch: 1 } } })
  }
  const relay = { address: '/dns4/relay', request, listen: () => ({ [Symbol.dispose]() {} }) } as unknown as RelayClient
  const waiting = waitForAssignment({ relays: [relay], clock, waitMs: 60_000, signal: new AbortController().signal })
  const outcome = waiting.then(
    (assigned) => assigned?.assignment.epoch,
    (thrown: HeirloomError) => thrown.code,
  )
  return { clock, outcome }
}

for (const code of ['io', 'internal', 'busy', 'quota'] as const) {
  test(`a relay that fails with ${code} is asked again`, async () => {
    const { clock, outcome } = waitAt(code)
    // Its answer is here when the next turn begins.
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(retryMaxMs)
    assert.is(await outcome, 1)
  })
}

test('a relay that refuses who we are ends the waiting', async () => {
  assert.is(await waitAt('unauthorised').outcome, 'unauthorised')
})

test.run()
