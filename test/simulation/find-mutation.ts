// How many seeds it takes until the simulator sees that production code is broken.

import type { Mutation } from './mutations.ts'
import { runSeeds } from './run-seeds.ts'
import type { SimulationRun } from './simulate.ts'

export interface MutationSearch {
  /** The first violation; undefined when no seed had one. */
  readonly found: SimulationRun | undefined
  /** Seeds that ran. */
  readonly seeds: number
}

/** Runs one seed after the other with the mutation, from `from` on, until one has a violation, at most `seedsMax`. */
export async function findMutation(
  { patches }: Mutation,
  { from = 1, seedsMax, threads, signal }: { from?: number; seedsMax: number; threads: number; signal?: AbortSignal },
): Promise<MutationSearch> {
  let found: SimulationRun | undefined
  let seeds = 0
  await runSeeds({
    seeds: Array.from({ length: seedsMax }, (_, index) => from + index),
    threads,
    patches,
    ...(signal && { signal }),
    onRun(run) {
      seeds++
      found = run.violation === undefined ? found : run
      return found === undefined
    },
  })
  return { found, seeds }
}
