// Rows found by their ids, and chunks that are taken out of their turn.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { IdIndex } from '../../src/plan/id-index.ts'
import { Plan } from '../../src/plan/plan.ts'

const test = suite('out of turn')

test('an index finds all rows of an id, however it grew', () => {
  const ids = Array.from({ length: 5000 }, (_, row) => `id ${row % 2500}`)
  const index = new IdIndex((row) => ids[row]!)
  for (const end of [1, 700, 701, 5000]) index.extend(end)
  for (const row of [0, 1, 1023, 2499]) assert.equal([...index.find(`id ${row}`)], [row, row + 2500])
  assert.equal([...index.find('nothing')], [])
})

for (const order of ['app', 'forecast'] as const) {
  test(`a chunk that was taken out doesn't come again, and all others do: order ${order}`, () => {
    const plan = new Plan()
    const { index } = plan.addSource('shop', 'app', { order })
    const chunks = Array.from({ length: 100 }, (_, at) => ({ id: `c${at}`, kind: 'data' as const, bytes: 100, readProbability: at / 100 }))
    plan.add(index, chunks.slice(0, 50))
    const first = plan.take(index, 500, 0).map(({ id }) => id)
    plan.add(index, chunks.slice(50))
    const out = ['c7', 'c99', 'c0', 'c33'].filter((id) => !first.includes(id))
    for (const id of out) assert.is((plan.takeOut(index, id, 0) as { id: string }).id, id)
    assert.is(plan.takeOut(index, out[0]!, 0), 'taken')
    assert.is(plan.takeOut(index, first[0]!, 0), 'taken')
    assert.is(plan.takeOut(index, 'never was', 0), undefined)
    const rest: string[] = []
    while (!plan.isEmpty(index)) {
      const taken = plan.take(index, 1000, 0)
      assert.ok(taken.length > 0, 'a plan that is not empty has something to take')
      rest.push(...taken.map(({ id }) => id))
    }
    assert.equal([...first, ...out, ...rest].toSorted(), chunks.map(({ id }) => id).toSorted())
  })
}

test('when the last ones are taken out the plan is empty', () => {
  for (const order of ['app', 'forecast'] as const) {
    const plan = new Plan()
    const { index } = plan.addSource('shop', 'app', { order })
    plan.add(index, [
      { id: 'a', kind: 'data' },
      { id: 'b', kind: 'data', expiresAtMs: 5 },
      { id: 'm', kind: 'metadata' },
    ])
    plan.takeOut(index, 'a', 0)
    assert.is(plan.takeOut(index, 'b', 10), 'expired')
    plan.takeOut(index, 'm', 0)
    assert.is(plan.isEmpty(index), true)
    plan.giveBack(index, [{ id: 'a', kind: 'data' }])
    assert.is((plan.takeOut(index, 'a', 0) as { id: string }).id, 'a', 'what was lost again can be taken out again')
    assert.is(plan.isEmpty(index), true)
  }
})

test.run()
