// What packs say beside their fragments.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Ledger } from '../../peer/handoff/ledger.ts'
import { PackMaker } from '../../peer/handoff/pack-maker.ts'
import { decodePack } from '../../src/chunk/pack.ts'
import { Plan } from '../../src/plan/plan.ts'
import { Dispatcher } from '../../src/transfer/dispatcher.ts'

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

test.run()
