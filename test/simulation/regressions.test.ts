// time-out: 180 s
// What the simulator has found in production code: with the fix taken out again its seed shows the fault, with the fix it doesn't.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { regressions } from './mutations.ts'
import { runSeeds } from './run-seeds.ts'
import type { Patch } from './patched-modules.ts'
import type { Violation } from './world.ts'

const test = suite('what the simulator has found')

async function violationIn(seed: number, patches: readonly Patch[]): Promise<Violation | undefined> {
  let violation: Violation | undefined
  await runSeeds({
    seeds: [seed],
    threads: 1,
    patches,
    onRun(run) {
      violation = run.violation
      return true
    },
  })
  return violation
}

for (const { name, seed, patches } of regressions) {
  if (seed === undefined) continue
  test(`seed ${seed} shows it when ${name}`, async () => {
    const violation = await violationIn(seed, patches)
    assert.ok(violation !== undefined, `find another seed: npm run simulate -- --mutations --only "${name}"`)
  })
}

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
