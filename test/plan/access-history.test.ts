import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AccessHistory } from '../../src/plan/access-history.ts'
import { createEpochTable } from '../../src/plan/epoch-table.ts'
import { SeededRandom } from '../helpers/seed.ts'

const test = suite('the history of accesses')

function counted(history: AccessHistory): Map<number, number> {
  const counts = new Map<number, number>()
  history.forEach((item, count) => counts.set(item, (counts.get(item) ?? 0) + count))
  return counts
}

test('merging epochs loses no access, and keeps the order of time', () => {
  const random = new SeededRandom(5)
  const history = new AccessHistory({ epochsMax: 8 })
  const expected = new Map<number, number>()
  for (let access = 0; access < 5000; access++) {
    const item = access < 2500 ? random.integer(0, 20) : random.integer(21, 40)
    expected.set(item, (expected.get(item) ?? 0) + 1)
    history.access(item)
  }
  assert.equal(new Map([...counted(history)].sort(([a], [b]) => a - b)), new Map([...expected].sort(([a], [b]) => a - b)))
  let last = 0
  history.forEach((item, _count, middle) => {
    assert.ok(middle >= last)
    last = middle
    if (middle < 2000) assert.ok(item <= 20)
    if (middle > 3000) assert.ok(item > 20)
  })
})

test('beyond its bound the oldest is forgotten and the newest is kept', () => {
  const history = new AccessHistory({ entriesMax: 4096, epochsMax: 64 })
  for (let access = 0; access < 50_000; access++) history.access(access)
  let entries = 0
  let oldest = Infinity
  history.forEach((item) => {
    entries++
    oldest = Math.min(oldest, item)
  })
  assert.ok(entries <= 4096 && entries > 2000, `${entries} entries`)
  assert.is(oldest, 50_000 - entries)
  assert.ok(Math.abs(history.since - oldest) <= 1024, `since ${history.since}, the oldest is ${oldest}`)
  assert.is(history.lastUse(49_999), 50_000)
})

test('a number that was given to another item keeps nothing of the old one', () => {
  const history = new AccessHistory()
  for (let access = 0; access < 9000; access++) history.access(access % 3)
  history.reuse(1)
  assert.is(history.lastUse(1), 0)
  for (let access = 0; access < 9000; access++) history.access(0)
  history.access(1)
  assert.ok(counted(history).get(1)! <= 10)
  assert.is(counted(history).get(2), 3000)
})

test("a table's epochs end now and have what was accessed in them", () => {
  const history = new AccessHistory({ epochsMax: 1 << 12 })
  for (let access = 0; access < 1000; access++) history.access(Math.floor(access / 100))
  const { epochs, offsets, epoch, count } = createEpochTable(history, 100, 64)
  assert.is(epochs, 10)
  for (let item = 0; item < 10; item++) assert.equal([epoch[offsets[item]!], count[offsets[item]!]], [item, 100])
  const cut = createEpochTable(history, 100, 4)
  assert.is(cut.epochs, 4)
  assert.is(cut.offsets[6], 0)
  assert.is(cut.offsets[10], 4)
})

test.run()
