// The floor under a copy from directory to directory: files are read on one thread, sealed, sent, opened, and written on another, by what Heirloom has for
// each, with no handoff around it. Nothing is compressed, planned, acknowledged, journaled or checked, and nothing may be there already.

import { Worker } from 'node:worker_threads'
import { freeMemory } from '../../src/wire/free-memory.ts'
import type { CopyBatch, CopyWork } from './bare-copy-worker.ts'
import type { Tell } from './bare.ts'
import { receivePacks, sendPacks } from './sealed-socket.ts'

/** Batches that are read or asked for at a time. */
const readAhead = 3

/** A batch's list of files goes before their bytes, and its length before that. */
const lengthBytes = 4

/** Sends all files below a folder. */
export async function sendCopy(from: string, tell: Tell, signal: AbortSignal): Promise<void> {
  const reader = new Calls<CopyBatch | undefined>({ kind: 'read', root: from })
  await sendPacks(
    async (send) => {
      const ahead = Array.from({ length: readAhead }, () => reader.call())
      for (let batch = await ahead.shift(); batch !== undefined; batch = await ahead.shift()) {
        ahead.push(reader.call())
        const head = Buffer.from(JSON.stringify(batch.files))
        const length = Buffer.alloc(lengthBytes)
        length.writeUInt32BE(head.length)
        const body = new Uint8Array(batch.buffer)
        await send([length, head, body])
        freeMemory([body])
      }
    },
    tell,
    signal,
  )
  await reader.end()
}

/** Writes what comes from there, and tells when it began and when all was in place. */
export async function receiveCopy(port: number, to: string, tell: Tell, signal: AbortSignal): Promise<void> {
  const writer = new Calls<void>({ kind: 'write', root: to })
  const written: Promise<void>[] = []
  tell('begun', { atMs: Date.now() })
  await receivePacks(
    port,
    ({ plain }) => {
      const view = new DataView(plain.buffer, plain.byteOffset)
      const bodyAt = lengthBytes + view.getUint32(0)
      const files = JSON.parse(new TextDecoder().decode(plain.subarray(lengthBytes, bodyAt))) as CopyBatch['files']
      written.push(writer.call({ files, buffer: plain.buffer as ArrayBuffer, bodyAt: plain.byteOffset + bodyAt }))
    },
    signal,
  )
  await Promise.all(written)
  tell('done', { atMs: Date.now() })
  await writer.end()
}

/** A thread that answers in the order of the calls. */
class Calls<Answer> {
  readonly #worker: Worker
  readonly #waiting: PromiseWithResolvers<Answer>[] = []

  constructor(work: CopyWork) {
    this.#worker = new Worker(new URL('./bare-copy-worker.ts', import.meta.url), { workerData: work, execArgv: [] })
    this.#worker.on('message', (answer: Answer) => this.#waiting.shift()?.resolve(answer))
    this.#worker.on('error', (error) => this.#waiting.forEach(({ reject }) => reject(error)))
  }

  call(batch?: CopyBatch): Promise<Answer> {
    const call = Promise.withResolvers<Answer>()
    this.#waiting.push(call)
    this.#worker.postMessage(batch, batch === undefined ? [] : [batch.buffer])
    return call.promise
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}
