// Runs many seeds on a few threads, and one seed on one.

import { Worker } from 'node:worker_threads'
import type { Patch } from './patched-modules.ts'
import type { SimulationRun } from './simulate.ts'
import type { SeedAnswer, SeedRequest, WorkerTask } from './worker.ts'

export interface RunSeedsOptions {
  readonly seeds: Iterable<number>
  readonly threads: number
  readonly patches?: readonly Patch[]
  readonly keepsLog?: boolean
  /** Called after each; false ends it. */
  readonly onRun: (run: SimulationRun) => boolean
  readonly signal?: AbortSignal
}

/** Resolves when all seeds have run, or `onRun` or the signal ended it. Throws when the simulator itself fails. */
export async function runSeeds({ seeds, threads, patches = [], keepsLog = false, onRun, signal }: RunSeedsOptions): Promise<void> {
  const next = seeds[Symbol.iterator]()
  let isOver = false
  const work = async () => {
    await using thread = startThread({ patches })
    while (!isOver && signal?.aborted !== true) {
      const { value: seed, done } = next.next()
      if (done === true) return
      const answer = await thread.run({ seed, keepsLog })
      if ('broken' in answer) throw new Error(`the simulator broke with seed ${seed}: ${answer.broken}`)
      if (!isOver && !onRun(answer)) isOver = true
    }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: threads }, work))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

interface Thread extends AsyncDisposable {
  run(request: SeedRequest): Promise<SeedAnswer>
}

function startThread(task: WorkerTask): Thread {
  const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: task })
  let answer: PromiseWithResolvers<SeedAnswer> | undefined
  worker.on('message', (run: SeedAnswer) => answer?.resolve(run))
  worker.on('error', (error) => answer?.reject(error))
  return {
    run(request) {
      answer = Promise.withResolvers()
      worker.postMessage(request)
      return answer.promise
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate()
    },
  }
}
