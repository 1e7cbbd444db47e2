// What the handoffs of the parts of one state came to together.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { resultText } from '../../peer/command/result-text.ts'
import type { SourceAccount, Summary } from '../../peer/handoff/account.ts'
import { laneTallies, type HandoffOutcome, type HandoffResult } from '../../peer/result.ts'
import { wholeOf, wholeReceipt, type PartEnd } from '../../peer/split/whole.ts'

const test = suite('the whole of a divided handoff')

interface Own {
  readonly outcome: HandoffOutcome
  /** Of its source `shop`: chunks and the sum of their weights, and what was delivered of it. */
  readonly chunks: number
  readonly weight: number
  readonly hitMass: number
}

function end(part: string, { outcome, chunks, weight, hitMass }: Own): PartEnd {
  const bytes = { planned: 100 * chunks, delivered: 100 * chunks * hitMass }
  const counted = { planned: chunks, delivered: chunks * hitMass }
  const shop: SourceAccount = {
    name: 'shop',
    kind: 'app',
    chunks: counted,
    bytes,
    hitMass,
    predicted: 1,
    bound: hitMass,
    leftOut: hitMass < 1 ? [{ reason: 'deadline', chunks: chunks - counted.delivered, bytes: 0 }] : [],
  }
  const none: SourceAccount = {
    ...shop,
    name: 'idle',
    chunks: { planned: 0, delivered: 0 },
    bytes: { planned: 0, delivered: 0 },
    hitMass: 1,
    bound: 1,
    leftOut: [],
  }
  const result: HandoffResult = {
    event: 'result',
    outcome,
    handoff: part.repeat(32),
    epoch: 1,
    elapsedMs: chunks,
    firstPackMs: chunks / 10,
    chunks: { ...counted, leftOut: chunks - counted.delivered },
    bytes: { ...bytes, sealed: bytes.delivered },
    lanes: laneTallies(new Map([['store', { packs: chunks, bytes: bytes.delivered }]])),
    hitMass: { predicted: 1, delivered: hitMass },
    resentBytes: 1,
    ...(hitMass < 1 && { notes: ['it was slow'] }),
  }
  const weights = [
    { source: 3, chunks: weight },
    { source: 1, chunks: 0 },
  ]
  const summary: Summary = { result, chunks: result.chunks, bytes: result.bytes, sources: [shop, none], channels: [], curve: [], weights }
  return { part, result, receipt: JSON.stringify({ receipt: 1, part }), summary }
}

const parts = [
  end('a', { outcome: 'delivered', chunks: 10, weight: 8, hitMass: 1 }),
  end('b', { outcome: 'partial', chunks: 20, weight: 2, hitMass: 0.5 }),
]

test('amounts are added up, times are those of the longest, and the outcome is the worst', () => {
  const whole = wholeOf(parts, [])
  assert.is(whole.outcome, 'partial')
  assert.is(whole.handoff, parts[0]!.result.handoff)
  assert.equal(whole.chunks, { planned: 30, delivered: 20, leftOut: 10 })
  assert.equal(whole.bytes, { planned: 3000, delivered: 2000, sealed: 2000 })
  assert.equal(whole.lanes.store, { packs: 30, bytes: 2000 })
  assert.is(whole.elapsedMs, 20)
  assert.is(whole.firstPackMs, 1)
  assert.is(whole.resentBytes, 2)
  assert.equal(whole.notes, ['part b: it was slow'])
  assert.equal(
    whole.parts!.map(({ part, outcome }) => `${part} ${outcome}`),
    ['a delivered', 'b partial'],
  )
})

test('the hit mass counts each part by the reads that are expected of it, and each source by its weight', () => {
  const { delivered, predicted } = wholeOf(parts, []).hitMass
  // Of the shop 8 of 10 and half of 2 of 10; it counts three times as much as the source that has nothing to lose.
  assert.ok(Math.abs(delivered - (3 * 0.9 + 1) / 4) < 1e-9, `${delivered}`)
  assert.is(predicted, 1)
})

test('a part that was lost altogether is named, and makes the whole partial, or fenced', () => {
  const fine = [parts[0]!]
  assert.is(wholeOf(fine, []).outcome, 'delivered')
  const lost = { part: 'c', handoff: 'c'.repeat(32), outcome: 'partial' as const, why: 'nothing could be read' }
  const whole = wholeOf(fine, [lost])
  assert.is(whole.outcome, 'partial')
  assert.equal(whole.notes, ['part c: nothing could be read'])
  assert.is(wholeOf(fine, [{ ...lost, outcome: 'fenced' }]).outcome, 'fenced')
  assert.match(resultText(whole), /part c +partial, 0 of 0 chunks/)
  assert.match(resultText(whole), /part a +delivered, 10 of 10 chunks, .* 100 % hit mass/)
})

test("its receipt sums the sources up and has the parts' own receipts in it", () => {
  const receipt = JSON.parse(wholeReceipt(wholeOf(parts, []), parts, 'test')) as {
    sources: SourceAccount[]
    parts: object[]
    reason: string
  }
  assert.is(receipt.reason, 'test')
  assert.equal(receipt.parts, [
    { receipt: 1, part: 'a' },
    { receipt: 1, part: 'b' },
  ])
  const [shop, idle] = receipt.sources
  assert.equal(shop!.chunks, { planned: 30, delivered: 20 })
  assert.is(shop!.hitMass, 0.9)
  assert.equal(shop!.leftOut, [{ reason: 'deadline', chunks: 10, bytes: 0 }])
  assert.is(idle!.hitMass, 1)
})

test.run()
