// The claims, one test each, named after it.
// time-out: 300 s

import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { handOverScene } from '../helpers/claim-scene.ts'
import { heldChunk } from '../helpers/warm-app.ts'

const test = suite('claims')

test('claim 2: the application divides its state, and it comes back as it was cut', async () => {
  const chunks = [heldChunk('users/1-500', 900), heldChunk('users/501-', 70_000), heldChunk('carts ☃', 2_100_000), heldChunk('nothing', 0)]
  const { heir, result } = await handOverScene({ chunks })
  assert.is(result.chunks.planned, chunks.length)
  assert.equal([...heir.restored.keys()].toSorted(), chunks.map(({ id }) => id).toSorted())
  for (const { id, content } of chunks) assert.equal(heir.restored.get(id), content)
})

/** Forty items of 20 KiB, which nothing compresses, by their rank in expected reads. */
const ranked = (order: readonly number[]) =>
  order.map((rank) => ({ ...heldChunk(`rank ${rank}`, 0, { readProbability: 0.9 ** rank }), content: new Uint8Array(randomBytes(20_480)) }))
const upwards = Array.from({ length: 40 }, (_, rank) => rank)

test('claim 3: the division follows the read probability: what is likely is packed together, and the last that gets through is the least likely', async () => {
  for (const order of [upwards, upwards.toReversed(), upwards.map((at) => (at * 17) % 40)]) {
    const { heir } = await handOverScene({
      chunks: ranked(order),
      manifest: { divide: { by: 'probability', target: '100KiB' } },
      // It is cut in the middle: a pack aims for 1 MiB, so little more than one group is within this limit.
      policy: { max_bytes: '1.15MB' },
    })
    const came = [...heir.restored.keys()].toSorted((a, b) => Number(a.slice(5)) - Number(b.slice(5)))
    assert.ok(came.length > 0 && came.length < 40 && came.length % 5 === 0, `${came.length} items are whole packs of five`)
    assert.equal(
      came,
      upwards.slice(0, came.length).map((rank) => `rank ${rank}`),
    )
  }
})

test('claim 4: the application decides the order', async () => {
  const chunks = [heldChunk('z', 50_000, { readProbability: 0.1 }), heldChunk('a', 10, { readProbability: 0.9 }), heldChunk('m', 2000)]
  const { old } = await handOverScene({ chunks })
  assert.equal(old.asked('read'), ['z', 'a', 'm'])
})

test('claim 5: the criteria come from the manifest, and editing it changes what is sent first', async () => {
  const chunks = [heldChunk('cold', 50_000, { readProbability: 0.1 }), heldChunk('hot', 50_000, { readProbability: 0.9 })]
  const asListed = await handOverScene({ chunks, manifest: { order: 'app' } })
  assert.equal(asListed.old.asked('read'), ['cold', 'hot'])
  const forecast = await handOverScene({ chunks, manifest: { order: 'forecast' } })
  assert.equal(forecast.old.asked('read'), ['hot', 'cold'])
})

test('claim 6: what is sent, and how, is in accordance with the policy', async () => {
  const chunks = [heldChunk('state', 1000)]
  const { result, events } = await handOverScene({
    chunks,
    waits: true,
    notice: { kind: 'preempt', reason: 'the market', deadline: '20s' },
    policy: {
      context: { network: 'metered' },
      machine: {
        initial: 'guarding',
        states: {
          guarding: {
            transitions: [
              { when: { all: ['preempt', { factor: 'network', is: 'metered' }] }, to: 'thrifty' },
              { when: 'preempt', to: 'lavish' },
            ],
          },
          thrifty: { entry: [{ handoff: { lanes: ['store'] } }], final: true },
          lavish: { entry: ['handoff'], final: true },
        },
      },
    },
  })
  assert.ok(result.lanes.store.packs > 0 && result.lanes.stream.packs === 0, JSON.stringify(result.lanes))
  assert.equal(
    events.flatMap(({ event, state }) => (event === 'policy' ? [state] : [])),
    ['guarding', 'thrifty'],
  )
})

test('claim 7: the priority comes from asking the application as it terminates: notice, then query, then the first pack', async () => {
  const { events, old } = await handOverScene({ chunks: [heldChunk('state', 1000)] })
  const at = (name: string) => events.findIndex(({ event }) => event === name)
  assert.ok(0 <= at('notice') && at('notice') < at('query') && at('query') < at('first-pack'), events.map(({ event }) => event).join(' '))
  assert.is(old.log[0]!.call, 'inventory', 'and not before the notice')
})

test('claim 10: metadata is obtained before data, at capture, wherever the application lists it', async () => {
  const chunks = [
    heldChunk('rows 1', 300_000),
    heldChunk('schema', 2000, { kind: 'metadata' }),
    heldChunk('rows 2', 10),
    heldChunk('index', 90_000, { kind: 'metadata' }),
  ]
  const { old, heir } = await handOverScene({ chunks, waits: true })
  for (const [log, call] of [
    [old.log, 'read'],
    [heir.log, 'restore'],
  ] as const) {
    const calls = log.filter((entry) => entry.call === call)
    const lastOfMetadata = calls.findLastIndex(({ id, edge }) => !id.startsWith('rows') && edge === 'end')
    assert.ok(lastOfMetadata < calls.findIndex(({ id }) => id.startsWith('rows')), JSON.stringify(calls))
  }
})

test.run()
