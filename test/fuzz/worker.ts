// A thread that fuzzes one target after the other, as it is told. Before each input it writes it where the main thread can read it, for when the
// input never comes back.

import { runInNewContext } from 'node:vm'
import { setFlagsFromString } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import { Fuzzer, type Finding } from './fuzzer.ts'
import { openTargets } from './targets.ts'

/** The input at hand: its length, then its bytes. */
export interface WorkerTask {
  readonly input: SharedArrayBuffer
}

export interface FuzzJob {
  readonly target: string
  readonly seed: number
  readonly inputs: number
}

export interface FuzzAnswer {
  readonly finding: Finding | undefined
  readonly inputs: number
  readonly answers: number
  readonly kept: readonly Uint8Array[]
  /** What this thread holds after a collection, in bytes. */
  readonly heldBytes: number
}

const { input: shared } = workerData as WorkerTask
const length = new Int32Array(shared, 0, 1)
const bytes = new Uint8Array(shared, 4)
const targets = openTargets()
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function note(input: Uint8Array): void {
  const part = input.subarray(0, bytes.length)
  bytes.set(part)
  length[0] = part.length
}

async function run({ target: name, seed, inputs }: FuzzJob): Promise<FuzzAnswer> {
  const target = targets.find((each) => each.name === name)!
  const fuzzer = new Fuzzer(target, seed, note)
  const finding = (await fuzzer.replay()) ?? (await fuzzer.run(inputs))
  collect()
  // Buffers that the collection found free are given back beside it, and counted out when the next one begins.
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return { finding, inputs, answers: fuzzer.answers, kept: fuzzer.kept, heldBytes: heapUsed + external }
}

async function close(): Promise<void> {
  for (const target of targets) await target.close?.()
  process.exit()
}

parentPort!.on('message', (job: FuzzJob | 'close') => {
  if (job === 'close') return void close()
  run(job).then(
    (answer) => parentPort!.postMessage(answer),
    (thrown: unknown) => {
      throw thrown
    },
  )
})
