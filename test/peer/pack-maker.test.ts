// What packs say beside their fragments.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Ledger } from '../../peer/handoff/ledger.ts'
import { PackMaker } from '../../peer/handoff/pack-maker.ts'
import type { Standing } from '../../peer/handoff/standing.ts'
import { decodePack } from '../../src/chunk/pack.ts'
import { Plan } from '../../src/plan/plan.ts'
import { Dispatcher } from '../../src/transfer/dispatcher.ts'
import { PackSet } from '../../src/wire/pack-set.ts'

const test = suite('pack maker')

test('what will not come is told with every loss anew, and with the receipt: what said so first may have been lost itself', () => {
  const maker = new PackMaker({ plan: new Plan(), ledger: new Ledger(), dispatcher: new Dispatcher([]), ahead: undefined })
  const told = (receipt?: { content: Uint8Array; signature: Uint8Array }) => {
    const { pieces } = maker.make({ entries: [], references: [] }, receipt !== undefined, receipt)
    return [...decodePack(Buffer.concat(pieces)).superseded]
  }
  assert.equal(told(), [])
  maker.supersede([0])
  assert.equal(told(), [0])
  assert.equal(told(), [], 'it is said once')
  maker.supersede([1])
  assert.equal(told(), [0, 1])
  assert.equal(told({ content: new Uint8Array(2), signature: new Uint8Array(64) }), [0, 1])
})

test('the verdict on what went ahead is told once, with every loss anew, and with the receipt', () => {
  const verdict = { since: 3, whole: PackSet.of([1]), partial: new Map<number, PackSet>() }
  const verdicts = [verdict]
  const ahead = { isNotice: true, first: 0, packed() {}, countIn() {}, takeVerdict: () => verdicts.shift() } as unknown as Standing
  const maker = new PackMaker({ plan: new Plan(), ledger: new Ledger(), dispatcher: new Dispatcher([]), ahead })
  const told = (receipt?: { content: Uint8Array; signature: Uint8Array }) => {
    const { pieces } = maker.make({ entries: [], references: [] }, receipt !== undefined, receipt)
    return decodePack(Buffer.concat(pieces)).verdict?.since
  }
  assert.equal([told(), told()], [3, undefined])
  maker.supersede([0])
  assert.equal([told(), told()], [3, undefined])
  assert.is(told({ content: new Uint8Array(2), signature: new Uint8Array(64) }), 3)
})

test.run()
