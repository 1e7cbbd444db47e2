// How many seeds it takes until the simulator sees that production code is broken.

import type { Mutation } from './mutations.ts'
import { runSeeds } from './run-seeds.ts'
import type { SimulationRun } from './simulate.ts'

export interface MutationSearch {
  /** The first violation; undefined when no seed had one. */
  readonly found: SimulationRun | undefined
  /** Of how many seeds, in their order. */
  readonly seeds: number
}

/**
 * Runs one seed after the other with the mutation, from `from` on, until one has a violation that it doesn't have without the mutation, at most
 * `seedsMax`.
 */
export async function findMutation(
  { patches }: Mutation,
  { from = 1, seedsMax, threads, signal }: { from?: number; seedsMax: number; threads: number; signal?: AbortSignal },
): Promise<MutationSearch> {
  let seeds = 0
  while (seeds < seedsMax && signal?.aborted !== true) {
    let found: SimulationRun | undefined
    await runSeeds({
      seeds: Array.from({ length: seedsMax - seeds }, (_, index) => from + seeds + index),
      threads,
      patches,
      ...(signal && { signal }),
      onRun(run) {
        if (run.violation !== undefined) found = run
        return found === undefined
      },
    })
    seeds = found === undefined ? seedsMax : found.seed - from + 1
    if (found !== undefined && !(await isViolated(found.seed))) return { found, seeds }
  }
  return { found: undefined, seeds }
}

/** Whether a seed has a violation as production code is. */
async function isViolated(seed: number): Promise<boolean> {
  let isIt = false
  await runSeeds({
    seeds: [seed],
    threads: 1,
    onRun({ violation }) {
      isIt = violation !== undefined
      return false
    },
  })
  return isIt
}
