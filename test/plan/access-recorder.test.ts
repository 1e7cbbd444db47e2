import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AccessRecorder } from '../../src/plan/access-recorder.ts'
import { SeededRandom } from '../helpers/seed.ts'

const test = suite('the recorder of accesses')

test('what is read often is forecast first, by its key', () => {
  const recorder = new AccessRecorder()
  for (let round = 0; round < 400; round++) {
    recorder.record('front page')
    if (round % 4 === 0) recorder.record('news')
    recorder.record(`visitor ${round}`)
  }
  const found = recorder.forecast()
  assert.is(found.length, 402)
  assert.equal(
    found.slice(0, 2).map(({ key }) => key),
    ['front page', 'news'],
  )
  assert.ok(found[0]!.readProbability > 0.9, `${found[0]!.readProbability}`)
  assert.ok(Math.abs(found.reduce((all, { readShare }) => all + readShare, 0) - 1) < 1e-9)
  assert.ok(found[0]!.readShare > 2 * found[1]!.readShare)
  assert.ok(found.at(-1)!.readProbability < 0.1, `${found.at(-1)!.readProbability}`)
})

test('numbers are keys, too', () => {
  const recorder = new AccessRecorder<number>()
  for (let access = 0; access < 100; access++) recorder.record(access % 10 === 0 ? 7.5 : access)
  assert.is(recorder.forecast()[0]!.key, 7.5)
})

test('what was evicted is not forecast, but remembered for when it returns', () => {
  const recorder = new AccessRecorder()
  for (let access = 0; access < 1000; access++) recorder.record(access % 2 === 0 ? 'hot' : `once ${access}`)
  recorder.evict('hot')
  recorder.evict('never seen')
  assert.not(recorder.forecast().some(({ key }) => key === 'hot'))
  recorder.record('hot')
  assert.is(recorder.forecast()[0]!.key, 'hot')
})

test('of more items than it may know the evicted and the long unused go, and what is in use stays', () => {
  const recorder = new AccessRecorder<number>({ itemsMax: 1000 })
  const random = new SeededRandom(3)
  for (let access = 0; access < 50_000; access++) recorder.record(access % 2 === 0 ? random.integer(0, 99) : 1000 + access)
  assert.is(recorder.size, 1000)
  const kept = recorder.forecast()
  assert.is(kept.length, 1000)
  const inUse = (items: typeof kept) => items.filter(({ key }) => key < 100).length
  assert.ok(inUse(kept) >= 90, `${inUse(kept)} of 100 that are in use are known`)
  assert.ok(inUse(kept.slice(0, 100)) >= 90, `${inUse(kept.slice(0, 100))} of the first 100 are in use`)
})

test('a recorder that has recorded nothing forecasts nothing', () => {
  assert.equal(new AccessRecorder().forecast(), [])
})

test.run()
