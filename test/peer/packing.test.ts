// What was read is at every moment somewhere where the handoff sees it: in a feed, being packed, or with the dispatcher.

import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Feed } from '../../peer/handoff/feed.ts'
import { Ledger } from '../../peer/handoff/ledger.ts'
import { Packing } from '../../peer/handoff/packing.ts'
import { createPipeline } from '../../peer/handoff/pipeline.ts'
import type { Source } from '../../peer/source/source.ts'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { Plan } from '../../src/plan/plan.ts'
import { PackSealer } from '../../src/seal/pack-seal.ts'
import { Dispatcher } from '../../src/transfer/dispatcher.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('packing')

const source = {
  name: 'shop',
  kind: 'app',
  async *read(chunks: readonly Chunk[]) {
    for (const chunk of chunks) yield [{ chunk, offset: 0, chunkBytes: 5, bytes: Buffer.from('small') }]
  },
} as unknown as Source

test('the last pack is never out of sight: a handoff that looks between two steps does not take itself for done', async () => {
  const plan = new Plan()
  const { index } = plan.addSource('shop', 'app')
  plan.add(index, [{ id: 'one', kind: 'data', bytes: 5 }])
  plan.settle(index)
  const ending = new AbortController()
  const { signal } = ending
  const dispatcher = new Dispatcher(['store'])
  const feeds = [
    new Feed({
      index,
      source,
      plan,
      clock: new ManualClock(0),
      aheadBytes: 2 ** 20,
      onChange: () => pipeline.wake(),
      onFailed: (error) => assert.unreachable(error.message),
    }),
  ]
  const shared = { plan, feeds, ledger: new Ledger(), dispatcher, signal }
  const sealer = new PackSealer({ key: randomBytes(32), pool: new Uint8Array(32), handoff: randomBytes(16) })
  const allowance = { isUsedUp: false, take() {}, made() {} }
  const pipeline = createPipeline({ ...shared, sealer, allowance, ahead: undefined, compressor: undefined })
  const chronicle = { sealedBytes: 0, failed: () => assert.unreachable() }
  const packing = new Packing({ ...shared, pipeline, chronicle, allowance, onChange() {} })
  packing.pull()
  const run = feeds[0]!.run(signal)
  let steps = 0
  for (; dispatcher.queuedPacks === 0; steps++) {
    assert.ok(steps < 1000, 'the pack is made')
    assert.not(feeds[0]!.isDone && !pipeline.isHolding, `nothing is left to see after ${steps} steps`)
    await Promise.resolve()
  }
  assert.ok(chronicle.sealedBytes > 0)
  ending.abort()
  await run
})

test.run()
