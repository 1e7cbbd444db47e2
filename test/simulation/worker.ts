// A thread that runs simulations: it loads production code with small bounds, and one mutation if it is told so.

import { parentPort, workerData } from 'node:worker_threads'
import { patchModules, type Patch } from './patched-modules.ts'
import { forgetCombinedSignals } from './signals.ts'
import type { SimulationRun } from './simulate.ts'

/** What the thread is for. */
export interface WorkerTask {
  readonly patches: readonly Patch[]
}

/** Asks for one seed to be run. */
export interface SeedRequest {
  readonly seed: number
  readonly keepsLog: boolean
}

export type SeedAnswer = SimulationRun | { readonly seed: number; readonly broken: string }

const { patches } = workerData as WorkerTask
patchModules(patches)
forgetCombinedSignals()
const { simulate } = await import('./simulate.ts')

parentPort!.on('message', ({ seed, keepsLog }: SeedRequest) => {
  simulate(seed, { keepsLog }).then(
    (run) => parentPort!.postMessage(run satisfies SeedAnswer),
    (thrown: unknown) =>
      parentPort!.postMessage({
        seed,
        broken: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
      } satisfies SeedAnswer),
  )
})
