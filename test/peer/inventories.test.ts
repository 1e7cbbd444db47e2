// How long a source is heard at the notice, and what it means to be warmed.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { Deadline } from '../../src/deadline.ts'
import { HeirloomError } from '../../src/errors.ts'
import { inventoryTimeoutMs } from '../../src/limits/handoff.ts'
import { Plan } from '../../src/plan/plan.ts'
import { EventLog } from '../../peer/events.ts'
import { Inventories } from '../../peer/handoff/inventories.ts'
import type { Source } from '../../peer/source/source.ts'
import { Upkeep } from '../../peer/source/keyed/upkeep.ts'
import { warmUp } from '../../peer/warm-up.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('inventories')
const deadlineMs = 10 * inventoryTimeoutMs

interface Telling {
  readonly clock: ManualClock
  /** What the source says next; nothing more: it is silent. */
  readonly says: readonly (readonly Chunk[])[]
  readonly everyMs: number
}

/** Listens to a source until it has ended or is heard no further; answers what failed. */
async function listen({ clock, says, everyMs }: Telling): Promise<{ chunks: number; failed: string | undefined }> {
  const source: Source = {
    name: 'cache',
    kind: 'redis',
    warm: () => Promise.resolve(),
    async *inventory(_query, { signal }) {
      for (const batch of says) {
        // Whoever asked waits by now.
        await Promise.resolve()
        clock.advance(everyMs)
        yield [...batch]
      }
      await Promise.resolve()
      clock.advance(inventoryTimeoutMs - 1)
      assert.not(signal.aborted)
      const aborted = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      clock.advance(1)
      await aborted
    },
    read: () => assert.unreachable() as never,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  const plan = new Plan()
  plan.addSource(source.name, source.kind)
  let failed: string | undefined
  const inventories = new Inventories({
    sources: [source],
    plan,
    query: { handoff: '00', reason: 'test', deadlineMs, rateBytesPerSecond: 1000, budgetBytes: 10_000 },
    deadline: new Deadline(clock, deadlineMs),
    clock,
    events: new EventLog(clock),
    onChange() {},
    onFailed: (_, { message }) => (failed = message),
  })
  await inventories.take(new AbortController().signal)
  assert.ok(inventories.settled)
  return { chunks: plan.totals(0).chunks, failed }
}

test('a source that goes on listing is heard however long it takes, and one that says nothing for its time is not', async () => {
  const chunk = (id: string): Chunk => ({ id, kind: 'data', bytes: 1 })
  const says = [[chunk('a')], [], [], [], [chunk('b')], []]
  const { chunks, failed } = await listen({ clock: new ManualClock(0), says, everyMs: inventoryTimeoutMs - 1 })
  assert.is(chunks, 2, 'an empty batch says that there will be more')
  assert.match(failed!, /did not answer within/)
})

test('a source counts as warmed when it has come round, and not when the notice came first', async () => {
  const clock = new ManualClock(0)
  const events = new EventLog(clock)
  const told: string[] = []
  events.listen(({ event }) => void told.push(event))
  const warned: unknown[] = []
  let round = Promise.withResolvers<void>()
  const upkeep = new Upkeep(clock, 1000, async (signal) => {
    const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    await Promise.race([round.promise, aborted])
  })
  const source = { name: 'cache', warm: ({ signal }: { signal: AbortSignal }) => upkeep.begin(signal) } as Source
  const warm = () => warmUp(source, { events, signal: new AbortController().signal, warn: (_, thrown) => warned.push(thrown) })
  const cut = warm()
  await upkeep.stop()
  await cut
  assert.equal(told, [])
  round.reject(new HeirloomError('source-failed', 'it is not up yet'))
  await warm()
  assert.equal(told, [])
  assert.is(warned.length, 1)
  // It is asked again in the background.
  round = Promise.withResolvers<void>()
  round.resolve()
  await warm()
  assert.equal(told, ['warmed'])
  await upkeep.stop()
})

test.run()
