// Receipts for people, and the curve in them.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { drawCurve } from '../../src/cli/curve.ts'
import { Plan } from '../../src/plan/plan.ts'
import { receiptText, type Receipt } from '../../peer/command/receipt-text.ts'
import { makeReceipt, summarize } from '../../peer/handoff/account.ts'
import { Ledger } from '../../peer/handoff/ledger.ts'

const test = suite('receipt')

/** Two sources: one of likely chunks and one of twice its weight, of which the ledger's packs have arrived as said. */
function receiptOf(arrived: readonly number[], more: { limited?: boolean } = {}): Receipt {
  const plan = new Plan()
  const shop = plan.addSource('shop', 'app', { order: 'forecast' }).index
  const files = plan.addSource('files', 'directory', { weight: 2 }).index
  plan.add(shop, [
    { id: 'hot', kind: 'data', bytes: 1000, readProbability: 0.75 },
    { id: 'cold', kind: 'data', bytes: 1000, readProbability: 0.25 },
    { id: 'shared', kind: 'data', bytes: 500, readProbability: 0, origin: 's3://shared' },
  ])
  plan.add(files, [{ id: 'file', kind: 'data', bytes: 2000 }])
  const ledger = new Ledger()
  const whole = (source: number, chunk: Chunk) => ({
    source,
    part: { chunk, offset: 0, chunkBytes: chunk.bytes!, bytes: new Uint8Array(chunk.bytes!) },
  })
  for (const chunk of plan.take(shop, 10_000, 0)) ledger.append([whole(shop, chunk)])
  for (const chunk of plan.take(files, 10_000, 0)) ledger.append([whole(files, chunk)])
  for (const number of arrived) ledger.arrived(number, 'stream')
  const summary = summarize({
    handoff: 'ab'.repeat(16),
    epoch: 1,
    elapsedMs: 1234,
    firstPackMs: 5,
    plan,
    ledger,
    tallies: new Map([['stream', { packs: arrived.length, bytes: 3000 }]]),
    sealedBytes: 3000,
    resentBytes: 0,
    whole: arrived.length === 3,
    toHeir: true,
    notes: [],
    failedSources: new Set(),
    limited: more.limited ?? false,
    foreseen: [{ lane: 'stream', bytes: 3000, likelihood: 1 }],
  })
  return JSON.parse(makeReceipt(summary, 'a test')) as Receipt
}

test('it tells what was promised and delivered of each source, what was left out and why, and of each lane', () => {
  const receipt = receiptOf([0, 2], { limited: true })
  const [shop, files] = receipt.sources
  assert.equal(shop!.chunks, { planned: 3, delivered: 1 })
  assert.equal(
    shop!.leftOut.map(({ reason, chunks }) => `${chunks} ${reason}`),
    ['1 origin', '1 limit'],
  )
  assert.equal(shop!.references, [{ id: 'shared', origin: 's3://shared' }])
  assert.equal(files!.bytes, { planned: 2000, delivered: 2000 })
  assert.is(receipt.lanes.stream.packs, 2)
  assert.is(receiptOf([0]).sources[0]!.leftOut[1]!.reason, 'deadline')
})

test('hit mass counts every source by its weight: predicted, delivered and bound', () => {
  const { hitMass, curve } = receiptOf([0, 2])
  assert.is(Number(hitMass.delivered.toFixed(6)), Number(((0.75 + 2) / 3).toFixed(6)))
  assert.is(hitMass.predicted, hitMass.bound, 'what went was as much as was thought')
  assert.ok(hitMass.bound! >= hitMass.delivered && hitMass.bound! <= hitMass.delivered * 1.001)
  assert.equal(curve, [
    [0, 0],
    [1000, 0.25],
    [3000, 0.916667],
  ])
  assert.is(receiptOf([0, 1, 2]).hitMass.delivered, 1)
  assert.is(receiptOf([0, 1, 2]).outcome, 'delivered', 'what is had from its origin is no loss')
})

test('prediction and bound are told of each source, and what each lane was thought to bring and brought', () => {
  const { sources, channels } = receiptOf([1, 2])
  assert.equal(
    sources.map(({ name, predicted, hitMass, bound }) => [name, predicted, hitMass, bound]),
    [
      ['shop', 0.75, 0.25, 0.75],
      ['files', 1, 1, 1],
    ],
    'the less likely of two chunks went: the bound of as many bytes is that of the other',
  )
  const [stream, ...others] = channels!
  assert.equal(others, [])
  assert.equal([stream!.lane, stream!.predicted.bytes, stream!.delivered.packs], ['stream', 3000, 2])
  assert.is(stream!.predicted.hitMass, 0.916667)
  assert.is(stream!.delivered.hitMass, 0.75)
})

test('a person reads a table and a curve', () => {
  const text = receiptText(receiptOf([0, 2]))
  assert.match(text, /shop +1 of 3 +1.00 KB of 2.50 KB +75.0 % +75.0 % +75.0 % +1 origin, 1 deadline/)
  assert.match(text, /stream +3.00 KB in 2 packs +91.7 % +91.7 % in up to 3.00 KB/)
  assert.match(text, /91.7 % of the expected reads \(91.7 % predicted, 0.* % short of the bound\)/)
  assert.match(text, /shop shared: s3:\/\/shared/)
  assert.match(text, /100 % │[\s\S]*└─/)
})

test('a curve is drawn in columns, up to the last point', () => {
  const labels = { top: '1', bottom: '0', end: 'all' }
  const text = drawCurve(
    [
      [0, 0],
      [50, 1],
      [100, 1],
    ],
    { width: 4, height: 2, labels },
  )
  assert.is(text, ['1 │ ███', '0 │████', '  └────', '   0all'].join('\n'))
  assert.is(drawCurve([], { width: 2, height: 1, labels }), ['1 │', '  └──', '   0all'].join('\n'))
})

test.run()
