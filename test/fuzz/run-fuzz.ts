// Many inputs on a few threads. Looks from outside at what a thread can't see of itself: that it hangs, and that it keeps memory.

import { Worker } from 'node:worker_threads'
import { Draw } from './random.ts'
import type { Finding } from './fuzzer.ts'
import type { FuzzAnswer, FuzzJob, WorkerTask } from './worker.ts'

export interface FuzzOptions {
  /** Name and share of each. */
  readonly targets: readonly { readonly name: string; readonly share: number }[]
  readonly inputs: number
  readonly seed: number
  readonly threads: number
  readonly signal: AbortSignal
  readonly onJob: (job: FuzzJob, answer: FuzzAnswer) => void
}

/** Inputs of one job of a target with a share of 1. */
const jobInputs = 5_000

/** A job is some seconds of work: one that takes so long has met an input that doesn't come back. */
const jobMs = 120_000

/** What a thread may hold more than after its first jobs, when each target has made its tables. */
const growthBytesMax = 48 * 1024 * 1024

const inputBytes = 64 * 1024

/** Resolves with what was found first, or undefined after so many inputs or when the signal is aborted. */
export async function runFuzz({ targets, inputs, seed, threads, signal, onJob }: FuzzOptions): Promise<Finding | undefined> {
  const draw = new Draw(seed)
  let given = 0
  let found: Finding | undefined
  const jobs = (function* (): Generator<FuzzJob> {
    for (;;) {
      for (const { name, share } of targets) {
        if (given >= inputs || found !== undefined || signal.aborted) return
        const count = Math.min(inputs - given, Math.max(20, Math.ceil(jobInputs * share)))
        given += count
        yield { target: name, seed: draw.below(2 ** 31), inputs: count }
      }
    }
  })()
  const work = async () => {
    await using thread = startThread()
    let calmBytes = 0
    let rounds = 0
    for (const job of jobs) {
      const answer = await thread.run(job)
      found ??= 'input' in answer ? answer : answer.finding
      if ('input' in answer) return
      onJob(job, answer)
      rounds++
      if (rounds <= 2 * targets.length) calmBytes = Math.max(calmBytes, answer.heldBytes)
      else if (answer.heldBytes > calmBytes + growthBytesMax) {
        const what = `the thread holds ${answer.heldBytes} bytes after it, and held ${calmBytes} at the start`
        found ??= { target: job.target, seed: job.seed, index: -1, input: new Uint8Array(0), what }
      }
    }
  }
  await Promise.all(Array.from({ length: threads }, work))
  return found
}

interface Thread extends AsyncDisposable {
  /** The answer, or the input that never came back. */
  run(job: FuzzJob): Promise<FuzzAnswer | Finding>
}

function startThread(): Thread {
  const shared = new SharedArrayBuffer(4 + inputBytes)
  const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: { input: shared } satisfies WorkerTask })
  let answer: PromiseWithResolvers<FuzzAnswer | Finding> | undefined
  worker.on('message', (message: FuzzAnswer) => answer?.resolve(message))
  const over = new Promise<void>((resolve) => worker.on('exit', () => resolve()))
  let hangs = false
  const finding = ({ target, seed }: FuzzJob, what: string): Finding => {
    const input = new Uint8Array(shared.slice(4, 4 + new Int32Array(shared)[0]!))
    return { target, seed, index: -1, input, what }
  }
  return {
    run(job) {
      const asked = (answer = Promise.withResolvers())
      const timer = setTimeout(() => {
        hangs = true
        asked.resolve(finding(job, `no answer within ${jobMs} ms`))
      }, jobMs)
      worker.removeAllListeners('error')
      // What is thrown outside of any call ends the thread.
      worker.on('error', (error) => asked.resolve(finding(job, (error as Error).stack ?? String(error))))
      worker.postMessage(job)
      return asked.promise.finally(() => clearTimeout(timer))
    },
    async [Symbol.asyncDispose]() {
      if (hangs) return void (await worker.terminate())
      worker.postMessage('close')
      await over
    },
  }
}
