// time-out: 240 s
// Whole worlds of relay, predecessors and successors, each from one seed: nothing is violated, a seed always gives the same world, and what is
// broken on purpose is found. More seeds: `npm run simulate`.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findMutation } from './find-mutation.ts'
import { mutations } from './mutations.ts'
import { regressions } from './regressions.ts'
import { applyPatch, boundedFiles, withSmallBounds } from './patched-modules.ts'
import { runSeeds } from './run-seeds.ts'
import type { SimulationRun } from './simulate.ts'

const test = suite('simulation')
const root = join(import.meta.dirname, '../..')
const textOf = (file: string) => readFileSync(join(root, file), 'utf8')
const seedsFrom = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index)

test('200 worlds, and nothing is violated', async () => {
  let handoffs = 0
  await runSeeds({
    seeds: seedsFrom(1, 200),
    threads: 2,
    onRun({ seed, violation, handoffs: had }) {
      handoffs += had
      assert.is(
        violation,
        undefined,
        `seed ${seed}: "${violation?.rule}": ${violation?.detail}; npm run simulate -- --seed ${seed} --verbose`,
      )
      return true
    },
  })
  assert.ok(handoffs > 200, `only ${handoffs} handoffs`)
})

test('a seed gives the same world again, step by step', async () => {
  const runs: SimulationRun[] = []
  await runSeeds({ seeds: [3, 7, 3, 7], threads: 1, keepsLog: true, onRun: (run) => runs.push(run) > 0 })
  for (const [first, again] of [
    [runs[0]!, runs[2]!],
    [runs[1]!, runs[3]!],
  ] as const) {
    assert.ok(first.lines.length > 50)
    assert.equal(again.lines, first.lines)
    assert.is(again.steps, first.steps)
  }
})

test('every mutation still fits the code that it breaks', () => {
  assert.ok(mutations.length >= 10)
  for (const { patches } of [...mutations, ...regressions])
    for (const patch of patches) assert.not.equal(applyPatch(textOf(patch.file), patch), textOf(patch.file))
  for (const file of boundedFiles) assert.not.equal(withSmallBounds(file, textOf(file)), textOf(file))
})

/** Those that take few seeds; the others are for `npm run simulate -- --mutations`. */
const quick = [
  'a segment is not synced',
  'an heir acknowledges before it has restored',
  'a sender ignores its credit',
  'the receipt counts what was sent',
]

for (const name of quick) {
  test(`it is found that ${name}`, async () => {
    const { found } = await findMutation(
      mutations.find((mutation) => mutation.name === name)!,
      { seedsMax: 100, threads: 2 },
    )
    assert.ok(found !== undefined, 'the simulator has stopped looking there')
  })
}

test.run()
