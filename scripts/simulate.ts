// `npm run simulate`: whole worlds of relay, predecessors and successors, each from one seed, with every kind of fault. Ends with 1 at the first
// violation and says which seed it was.

import process from 'node:process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { onInterrupt } from '../src/cli/entry.ts'
import { findMutation } from '../test/simulation/find-mutation.ts'
import { mutations } from '../test/simulation/mutations.ts'
import { regressions, type Regression } from '../test/simulation/regressions.ts'
import { failsWhenBroken } from '../test/simulation/run-broken.ts'
import { runSeeds } from '../test/simulation/run-seeds.ts'
import type { SimulationRun } from '../test/simulation/simulate.ts'

const usage = `npm run simulate -- [--seeds N] [--from S] [--threads T] [--keep-going]
npm run simulate -- --seed S [--verbose]
npm run simulate -- --mutations [--seeds N] [--only TEXT]

Runs simulated worlds of relay, predecessors and successors, each from a seed.
  --seeds N      so many seeds (1000)
  --from S       the first of them (1)
  --threads T    at a time (as many as there are cores)
  --keep-going   counts violations instead of ending at the first
  --seed S       only this one
  --verbose      with all that happened in it
  --mutations    breaks production code on purpose, one thing at a time, and says with how many seeds each was found (at most 2000), or by which test
  --only TEXT    only mutations whose name contains it

Example: npm run simulate -- --seed 17 --verbose`

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      threads: { type: 'string', default: String(availableParallelism()) },
      'keep-going': { type: 'boolean', default: false },
      seed: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      mutations: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const threads = Number(values.threads)
  if (values.mutations) return findMutations({ seedsMax: Number(values.seeds ?? 2000), threads, only: values.only })
  if (values.seed !== undefined) return replay(Number(values.seed), values.verbose)
  return explore({ count: Number(values.seeds ?? 1000), from: Number(values.from), threads, keepsGoing: values['keep-going'] })
}

async function replay(seed: number, isVerbose: boolean): Promise<number> {
  let code = 0
  await runSeeds({
    seeds: [seed],
    threads: 1,
    keepsLog: isVerbose,
    onRun(run) {
      for (const line of run.lines) console.log(line)
      console.log(sentence(run))
      code = run.violation === undefined ? 0 : 1
      return true
    },
  })
  return code
}

async function explore({
  count,
  from,
  threads,
  keepsGoing,
}: {
  count: number
  from: number
  threads: number
  keepsGoing: boolean
}): Promise<number> {
  using interrupt = onInterrupt()
  const startMs = performance.now()
  const found: SimulationRun[] = []
  let runs = 0
  let steps = 0
  let handoffs = 0
  await runSeeds({
    seeds: Array.from({ length: count }, (_, index) => from + index),
    threads,
    signal: interrupt.signal,
    onRun(run) {
      runs++
      steps += run.steps
      handoffs += run.handoffs
      if (run.violation !== undefined) {
        found.push(run)
        console.error(sentence(run))
      }
      if (runs % 500 === 0) console.error(`${runs} seeds, ${((performance.now() - startMs) / 1000).toFixed(0)} s`)
      return keepsGoing || found.length === 0
    },
  })
  const tookS = (performance.now() - startMs) / 1000
  console.log(`${runs} seeds, ${handoffs} handoffs, ${steps} steps in ${tookS.toFixed(1)} s: ${found.length} violations`)
  if (found.length === 0) return interrupt.signal.aborted ? 130 : 0
  console.log(`npm run simulate -- --seed ${Math.min(...found.map(({ seed }) => seed))} --verbose`)
  return 1
}

async function findMutations({ seedsMax, threads, only }: { seedsMax: number; threads: number; only: string }): Promise<number> {
  using interrupt = onInterrupt()
  let missed = 0
  const all: readonly Regression[] = [...mutations, ...regressions]
  for (const mutation of all.filter(({ name }) => name.includes(only))) {
    if (mutation.test !== undefined) {
      const isFound = await failsWhenBroken(mutation, mutation.test)
      if (!isFound) missed++
      console.log(`${isFound ? 'found ' : 'MISSED'} ${mutation.name}: by ${mutation.test}`)
      continue
    }
    const { found, seeds } = await findMutation(mutation, { seedsMax, threads, signal: interrupt.signal })
    if (interrupt.signal.aborted) return 130
    if (found === undefined) missed++
    console.log(
      `${found === undefined ? 'MISSED' : 'found '} ${mutation.name}: ${seeds} seeds${found === undefined ? '' : `, by seed ${found.seed} "${found.violation!.rule}"`}`,
    )
  }
  return missed === 0 ? 0 : 1
}

function sentence({ seed, violation, steps, virtualMs }: SimulationRun): string {
  const so =
    violation === undefined
      ? 'nothing was violated'
      : `at ${(violation.atMs / 1000).toFixed(3)} s, "${violation.rule}": ${violation.detail}`
  return `seed ${seed}: ${so} (${steps} steps, ${(virtualMs / 1000).toFixed(0)} s)`
}

process.exitCode = await main()
