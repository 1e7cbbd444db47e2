// A program of the user's own as a sink: `load` gets each chunk as a line and then its bytes, answers with a line, and hears of the end. It runs from
// the first chunk to the last.

import { createReadStream } from 'node:fs'
import { systemClock, type Clock } from '../../../src/clock.ts'
import { Deadline } from '../../../src/deadline.ts'
import { asHeirloomError, HeirloomError } from '../../../src/errors.ts'
import { appBytesPerSecondMin, chunkCallTimeoutMs, inventoryLineBytesMax } from '../../../src/limits/source.ts'
import { createChunkSink, type ChunkTarget, type Put, type WholeChunk } from '../chunk-sink.ts'
import { Program } from '../program.ts'
import type { Sink, SinkEnd, WaitOptions } from '../source.ts'
import { ByteReader } from './byte-reader.ts'
import { parseObject } from './dump-answer.ts'

export interface CommandSinkOptions {
  readonly name: string
  /** The program and its arguments. */
  readonly load: readonly string[]
  readonly staging: string
  /** How long one answer may take, beside the time that a chunk's bytes take at appBytesPerSecondMin. */
  readonly timeoutMs?: number | undefined
  readonly clock?: Clock
}

export function createCommandSink(options: CommandSinkOptions): Sink {
  const { name, staging, clock } = options
  // One at a time: there is one stream to write to.
  return createChunkSink({ name, kind: 'command', target: new CommandTarget(options), staging, putsMax: 1, clock })
}

interface Loading {
  readonly program: Program
  readonly answers: ByteReader
}

class CommandTarget implements ChunkTarget {
  readonly #load: readonly string[]
  readonly #timeoutMs: number
  readonly #clock: Clock
  #loading: Loading | undefined

  constructor({ load, timeoutMs, clock = systemClock }: CommandSinkOptions) {
    this.#load = load
    this.#timeoutMs = timeoutMs ?? chunkCallTimeoutMs
    this.#clock = clock
  }

  put(chunk: WholeChunk, { signal }: WaitOptions): Promise<Put> {
    return this.#within(this.#timeoutMs + (1000 * chunk.chunkBytes) / appBytesPerSecondMin, signal, async (loading, limited) => {
      const { id, kind, chunkBytes, version, expiresAtMs, body } = chunk
      const head = { id, kind, bytes: chunkBytes, ...(version !== '' && { version }), ...(expiresAtMs > 0 && { expiresAtMs }) }
      await loading.program.write(`${JSON.stringify(head)}\n`, limited)
      if (body instanceof Uint8Array) await loading.program.write(body, limited)
      else for await (const piece of createReadStream(body.path)) await loading.program.write(piece as Buffer, limited)
      const line = await loading.answers.line(inventoryLineBytesMax)
      if (line === undefined) throw new HeirloomError('link-lost', 'the program ended without an answer')
      const answer = parseObject(line)
      if (answer['id'] !== id) throw new HeirloomError('malformed', `not an answer to ${JSON.stringify(id)}: ${line.slice(0, 200)}`)
      return typeof answer['refused'] === 'string' ? { refused: answer['refused'] } : 'restored'
    })
  }

  async finish({ receipt }: SinkEnd, { signal }: WaitOptions): Promise<void> {
    await this.#within(this.#timeoutMs, signal, async ({ program }, limited) => {
      await program.write(`{"ready":${receipt}}\n`, limited)
      program.closeInput()
      const { trouble } = await program.ended
      if (trouble !== undefined) throw new HeirloomError('source-failed', trouble)
    })
    await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const loading = this.#loading
    this.#loading = undefined
    await loading?.program[Symbol.asyncDispose]()
  }

  /** Throws `source-failed` when the program fails or takes too long; it is ended then. */
  async #within<Answer>(
    limitMs: number,
    signal: AbortSignal,
    work: (loading: Loading, signal: AbortSignal) => Promise<Answer>,
  ): Promise<Answer> {
    using limited = Deadline.after(this.#clock, limitMs).signal(signal)
    const loading = (this.#loading ??= this.#start())
    const onAbort = () => loading.program.kill()
    limited.signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await work(loading, limited.signal)
    } catch (thrown) {
      const { trouble } = await loading.program.end()
      this.#loading = undefined
      signal.throwIfAborted()
      if (limited.signal.aborted)
        throw new HeirloomError('source-failed', `${this.#load[0]} did not answer within ${Math.round(limitMs)} ms and was ended`, {
          cause: thrown,
        })
      const { message } = asHeirloomError(thrown)
      throw new HeirloomError('source-failed', trouble === undefined || trouble === message ? message : `${message} (${trouble})`, {
        cause: thrown,
      })
    } finally {
      limited.signal.removeEventListener('abort', onAbort)
    }
  }

  #start(): Loading {
    const program = new Program(this.#load)
    return { program, answers: new ByteReader(program.output) }
  }
}
