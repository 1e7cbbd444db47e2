// One listing for several takers: each gets its share, none is waited for without bound, and what becomes of one is nothing to the others.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { sharedBatchesMax } from '../../src/limits/plan.ts'
import { SharedListing } from '../../peer/split/shared-listing.ts'

const test = suite('shared listing')

/** What has been begun in this turn of the event loop has gone on. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

const never = new AbortController().signal
const chunk = (id: string): Chunk => ({ id, kind: 'data' })

/** Batches of one chunk for each of three takers. */
function open({ batches, failure }: { batches: number; failure?: Error }) {
  const seen = { asked: 0, listings: 0, aborted: false, returned: false }
  const listing = new SharedListing({
    async *list(signal) {
      seen.listings++
      signal.addEventListener('abort', () => (seen.aborted = true))
      try {
        for (let batch = 0; batch < batches; batch++) {
          seen.asked++
          yield ['x', 'y', 'z'].map((taker) => chunk(`${taker}${batch}`))
        }
        if (failure !== undefined) throw failure
      } finally {
        seen.returned = true
      }
    },
    divide: (batch) => batch.map((one) => [one]),
    joined: turn(),
  })
  const take = (taker: number, signal = never) => listing.take(taker, signal)
  return { seen, take }
}

const idsOf = (batches: readonly (readonly Chunk[])[]) => batches.flat().map(({ id }) => id)

test('every taker gets its share of every batch, and the source is asked once', async () => {
  const { seen, take } = open({ batches: 50 })
  const taken = await Promise.all([0, 1, 2].map((taker) => Array.fromAsync(take(taker))))
  assert.equal(
    taken.map((batches) => idsOf(batches)),
    ['x', 'y', 'z'].map((taker) => Array.from({ length: 50 }, (_, batch) => `${taker}${batch}`)),
  )
  assert.is(seen.listings, 1)
})

test('the source is not asked further ahead of the slowest taker than the bound, and goes on when that one goes', async () => {
  const { seen, take } = open({ batches: 50 })
  const slow = take(1)
  const quick = Array.fromAsync(take(2))
  assert.equal(idsOf([(await slow.next()).value as Chunk[]]), ['y0'])
  for (let turns = 0; turns < 100; turns++) await turn()
  assert.is(seen.asked, 1 + sharedBatchesMax)
  await slow.return(undefined)
  assert.is((await quick).length, 50)
})

test('a taker whose time is over hears its own reason, and the others get everything', async () => {
  const { take } = open({ batches: 10 })
  const ending = new AbortController()
  const others = [0, 2].map((taker) => Array.fromAsync(take(taker)))
  const ended = take(1, ending.signal)
  const next = ended.next()
  ending.abort(new Error('its handoff is over'))
  assert.match(String(await next.catch((thrown: unknown) => thrown)), /its handoff is over/)
  assert.equal(
    (await Promise.all(others)).map((batches) => batches.length),
    [10, 10],
  )
})

test('when nobody takes any more the source is told, and left', async () => {
  const { seen, take } = open({ batches: 10 })
  const takers = [take(0), take(1)]
  await Promise.all(takers.map((taker) => taker.next()))
  await takers[0]!.return(undefined)
  assert.not(seen.aborted)
  await takers[1]!.return(undefined)
  assert.ok(seen.aborted)
  await turn()
  assert.ok(seen.returned)
})

test('what the source fails with, all hear after what came before', async () => {
  const { take } = open({ batches: 3, failure: new Error('the server is gone') })
  const heard = await Promise.all(
    [0, 1, 2].map(async (taker) => {
      let batches = 0
      try {
        for await (const batch of take(taker)) batches += batch.length
      } catch (thrown) {
        return `${batches} ${(thrown as Error).message}`
      }
      return 'nothing'
    }),
  )
  assert.equal(heard, Array(3).fill('3 the server is gone'))
})

test.run()
