// What handoffs that run side by side share of a policy: bytes, and a rate.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packBytesTarget } from '../../src/limits/wire.ts'
import { Allowance } from '../../peer/handoff/allowance.ts'
import { RateLimit } from '../../peer/handoff/rate-limit.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('allowance')

const MiB = packBytesTarget

function open(bytesMax: number | undefined) {
  const limits = { lanes: [], reserveMs: 0, bytesMax, rateBytesPerSecondMax: undefined, keepMs: 1 }
  return new Allowance({ clock: new ManualClock(0), deadlineMs: 1000, limits }, 3)
}

test('what is being made counts by what goes into it, then by what it is', () => {
  const allowance = open(3 * MiB)
  allowance.take(MiB)
  allowance.take(MiB)
  assert.not(allowance.isUsedUp)
  allowance.take(MiB)
  assert.ok(allowance.isUsedUp, 'three are being made')
  allowance.made(MiB, MiB / 4)
  allowance.made(MiB, MiB / 4)
  assert.not(allowance.isUsedUp, 'they came out smaller')
  allowance.made(MiB, MiB + 50)
  allowance.take(MiB)
  assert.ok(allowance.isUsedUp)
  assert.not(open(undefined).isUsedUp)
})

test('a rate is taken from in turn, and whoever does not take up his turn loses it', () => {
  const clock = new ManualClock(0)
  const rate = new RateLimit(clock, 1000)
  const sent: string[] = []
  const over = new Set<string>()
  const send = new Map<string, () => void>()
  for (const name of ['a', 'b', 'c']) {
    const again = () => {
      while (!over.has(name) && rate.allows(100, again)) sent.push(name)
    }
    send.set(name, again)
  }
  for (const again of send.values()) again()
  for (let turn = 0; turn < 5; turn++) clock.advance(100)
  // The first found nobody waiting, and asked once more before the others came.
  assert.equal(sent, ['a', 'a', 'b', 'c', 'a', 'b'])
  over.add('b')
  for (let turn = 0; turn < 6; turn++) clock.advance(100)
  assert.equal(sent.slice(6), ['c', 'a', 'c', 'a', 'c', 'a'], 'the rate is that of all, whoever is gone')
})

test.run()
