// The mechanisms that the design lists under Phanishayee, one test each, named after it.
// time-out: 300 s

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rankSuccessors } from '../../src/plan/rank-successors.ts'
import { handOverScene } from '../helpers/claim-scene.ts'
import { heldChunk } from '../helpers/warm-app.ts'

const test = suite('Phanishayee')

test('state is captured and restored through an API into a store', async () => {
  const chunks = [heldChunk('a', 1000), heldChunk('b', 200_000)]
  const { result, old, heir } = await handOverScene({ chunks })
  assert.is(result.outcome, 'parked')
  assert.is(result.lanes.store.bytes > 0, true)
  assert.equal(old.asked('read'), ['a', 'b'])
  for (const { id, content } of chunks) assert.equal(heir.restored.get(id), content)
})

/** Says by the zone whether, by the price how, and by the network which components move. */
const machine = {
  initial: 'guarding',
  states: {
    guarding: {
      final: true,
      transitions: [
        { when: { all: ['preempt', { factor: 'network', is: 'metered' }] }, to: 'little' },
        { when: { all: ['preempt', { factor: 'price', below: 1 }] }, to: 'slowly' },
        { when: 'preempt', to: 'nothing' },
      ],
    },
    little: { entry: [{ handoff: { sources: ['shop'] } }], final: true },
    slowly: { entry: [{ handoff: { lanes: ['store'], max_rate: '50MB/s' } }], final: true },
    nothing: { entry: ['release'], final: true },
  },
}

test('context factors decide whether, how and which components move', async () => {
  const scene = (context: object) =>
    handOverScene({
      chunks: [heldChunk('cart', 100)],
      sources: (temp) => [{ name: 'files', kind: 'directory', path: temp.path, include: ['pool.key.pub'] }],
      waits: true,
      notice: { kind: 'preempt', reason: 'the market', deadline: '20s' },
      policy: { machine, context },
    })
  const little = await scene({ network: 'metered', price: 0.1 })
  assert.equal(
    little.receipt.sources.map(({ name }) => name),
    ['shop'],
    'which',
  )
  assert.ok(little.result.lanes.stream.packs > 0)
  const slowly = await scene({ network: '10G', price: 0.1 })
  assert.equal(
    slowly.receipt.sources.map(({ name }) => name),
    ['shop', 'files'],
  )
  assert.is(slowly.result.lanes.stream.packs, 0, 'how')
})

test('of several candidate targets the one is chosen that the state reaches in time, and the nearer one of equals', () => {
  const candidates = [
    { id: 'far', zone: 'b', bytesPerSecond: 50e6 },
    { id: 'late', zone: 'a', bytesPerSecond: 50e6, upAfterMs: 90_000 },
    { id: 'near', zone: 'a', bytesPerSecond: 50e6 },
  ]
  const ranked = rankSuccessors(candidates, { zone: 'a', bytes: 500e6, leftMs: 60_000 })
  assert.equal(
    ranked.map(({ id }) => id),
    ['near', 'far', 'late'],
  )
})

test('of several successors that wait the relay chooses by what they say of themselves, as the predecessor weighs it', async () => {
  const scene = (policy: object) =>
    handOverScene({
      chunks: [heldChunk('cart', 100)],
      otherHeirs: [{ context: { zone: 'a', price: 2 } }, { context: { zone: 'c', price: 9 } }],
      waits: true,
      heirPolicy: { context: { zone: 'b', price: 1 } },
      policy,
    })
  const near = await scene({ context: { zone: 'b' } })
  assert.equal([...near.heir.restored.keys()], ['cart'])
  assert.is(near.heirResult.outcome, 'delivered', 'the one in its zone, though others have waited longer')
  const cheap = await scene({ context: { zone: 'c' }, prefer: { zone: 0, price: 9 } })
  assert.is(cheap.heirResult.outcome, 'delivered', 'the cheapest, though another is nearer')
})

test('a chosen subset goes, and the receipt tells what was deferred', async () => {
  const chunks = [
    heldChunk('now', 100),
    heldChunk('shared', 100, { origin: 'nfs://shared/100' }),
    heldChunk('gone', 10, { expiresAtMs: 1 }),
  ]
  const { heir, receipt } = await handOverScene({ chunks })
  assert.equal([...heir.restored.keys()], ['now'])
  assert.equal(receipt.sources[0]!.leftOut.map(({ reason, chunks: count }) => `${count} ${reason}`).toSorted(), ['1 expired', '1 origin'])
})

test.run()
