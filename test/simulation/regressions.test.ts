// time-out: 300 s
// What the simulator has found in production code: with the fix taken out again its seed shows the fault, with the fix it doesn't.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findMutation } from './find-mutation.ts'
import { mutations } from './mutations.ts'
import { regressions } from './regressions.ts'
import { failsWhenBroken } from './run-broken.ts'
import { runSeeds } from './run-seeds.ts'

const test = suite('what the simulator has found')

/** A change of anything that waits or is drawn gives every seed another world: then one soon after it shows the fault, and takes its place here when somebody is at it. */
const seedsMax = 60

for (const mutation of [...mutations, ...regressions]) {
  const { name, test: file } = mutation
  if (file !== undefined)
    test(`${file} shows it when ${name}`, async () => assert.ok(await failsWhenBroken(mutation, file), 'its tests pass nevertheless'))
}

for (const mutation of regressions) {
  const { name, seed } = mutation
  if (seed === undefined) continue
  test(`seed ${seed} or one soon after it shows it when ${name}`, async () => {
    const { found } = await findMutation(mutation, { from: seed, seedsMax, threads: 1 })
    assert.ok(found !== undefined, `find another seed: npm run simulate -- --mutations --only "${name}"`)
  })
}

test('each of them is shown by a seed or by a test', () => {
  assert.equal(
    regressions.flatMap(({ name, seed, test: file }) => (seed === undefined && file === undefined ? [name] : [])),
    [],
  )
})

test('without those faults nothing is violated in these worlds', async () => {
  await runSeeds({
    seeds: new Set(regressions.flatMap(({ seed }) => seed ?? [])),
    threads: 2,
    onRun({ seed, violation }) {
      assert.is(violation, undefined, `seed ${seed}: "${violation?.rule}": ${violation?.detail}`)
      return true
    },
  })
})

test.run()
