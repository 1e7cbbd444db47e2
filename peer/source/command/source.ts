// A program of the user's own as a source. It is run twice: `dump … index` lists the chunks, one a line; `dump … chunks` is told ids, one a line, and
// answers each with a line and as many bytes as that says. The format is in the README. It is ended with its process group when its time is over.

import { type Chunk, type ChunkPart, type LeftOut, type LeftOutReason } from '../../../src/chunk/chunk.ts'
import { systemClock, type Clock } from '../../../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../../../src/errors.ts'
import { chunkCallTimeoutMs, commandAskedMax, inventoryLineBytesMax } from '../../../src/limits/source.ts'
import { partsOf } from '../app/chunk-body.ts'
import { parseInventoryLine } from '../app/inventory-line.ts'
import { linesOf } from '../app/lines.ts'
import { StepLimit } from '../step-limit.ts'
import { Program } from '../program.ts'
import type { InventoryQuery, Source, WaitOptions } from '../source.ts'
import { withinTimeShare } from '../time-share.ts'
import { ByteReader } from './byte-reader.ts'
import { parseAnswer, type DumpAnswer } from './dump-answer.ts'

export interface CommandSourceOptions {
  readonly name: string
  /** The program and its arguments. */
  readonly dump: readonly string[]
  /** How long the index may take, at most a third of the deadline; and each answer. */
  readonly timeoutMs?: number | undefined
  readonly clock?: Clock
  readonly onWarning?: ((message: string) => void) | undefined
}

export function createCommandSource(options: CommandSourceOptions): Source {
  return new CommandSource(options)
}

interface Dumping {
  readonly program: Program
  readonly answers: ByteReader
}

class CommandSource implements Source {
  readonly name: string
  readonly kind = 'command'
  readonly #options: CommandSourceOptions
  readonly #clock: Clock
  /** Kept from one reading to the next, since starting a program costs more than reading most chunks. Who reads meanwhile has one of his own. */
  readonly #idle: Dumping[] = []
  readonly #running = new Set<Dumping>()

  constructor(options: CommandSourceOptions) {
    this.name = options.name
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /** The program is asked at the notice and not before: its order is the one of that moment. */
  async warm(): Promise<void> {}

  inventory(query: InventoryQuery, { signal }: WaitOptions): AsyncGenerator<Chunk[]> {
    const list = (options: WaitOptions) => this.#index(query, options.signal)
    return withinTimeShare(query, {
      name: this.name,
      list,
      timeoutMs: this.#options.timeoutMs,
      clock: this.#clock,
      late: { what: 'no whole index', consequence: '; the program was ended' },
      hint: 'run the program by hand with "index" as its last argument',
      onWarning: this.#options.onWarning,
      signal,
    })
  }

  async *read(chunks: readonly Chunk[], { signal }: WaitOptions): AsyncGenerator<(ChunkPart | LeftOut)[]> {
    signal.throwIfAborted()
    const dumping = this.#idle.pop() ?? this.#start()
    const { program } = dumping
    using limit = new StepLimit(this.#clock, this.#options.timeoutMs ?? chunkCallTimeoutMs, signal)
    const onAbort = () => program.kill()
    limit.signal.addEventListener('abort', onAbort, { once: true })
    let isWhole = false
    try {
      // It takes them as it answers; what keeps it from taking them shows in its answers.
      void ask(program, chunks, limit.signal).catch(() => {})
      for (const chunk of chunks) {
        const parts = this.#answerTo(chunk, dumping)
        for (let part = await limit.step(parts.next()); part.done !== true; part = await limit.step(parts.next())) yield [part.value]
      }
      isWhole = true
    } catch (thrown) {
      signal.throwIfAborted()
      const { message } = limit.signal.aborted ? asHeirloomError(limit.signal.reason) : asHeirloomError(thrown)
      const { trouble } = await program.end()
      const hint = 'run the program by hand with "chunks" as its last argument'
      throw new HeirloomError('source-failed', limit.signal.aborted ? message : `${message} (${trouble ?? 'it ended'})`, {
        cause: thrown,
        hint,
      })
    } finally {
      limit.signal.removeEventListener('abort', onAbort)
      // What was asked and not read to its end would be taken for the answer to what is asked next.
      if (isWhole) this.#idle.push(dumping)
      else await this.#end(dumping)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#running, (dumping) => this.#end(dumping)))
  }

  #start(): Dumping {
    const program = new Program([...this.#options.dump, 'chunks'])
    const dumping = { program, answers: new ByteReader(program.output) }
    this.#running.add(dumping)
    return dumping
  }

  async #end(dumping: Dumping): Promise<void> {
    this.#running.delete(dumping)
    await dumping.program[Symbol.asyncDispose]()
  }

  async *#index(query: InventoryQuery, signal: AbortSignal): AsyncGenerator<Chunk[]> {
    await using program = new Program([...this.#options.dump, 'index'])
    const onAbort = () => program.kill()
    signal.addEventListener('abort', onAbort, { once: true })
    let wrong = 0
    const parse = (line: string) => {
      if (line.trim() === '') return []
      const chunk = parseInventoryLine(line)
      if (chunk === undefined) wrong++
      return chunk ?? []
    }
    try {
      // A program that doesn't care for the circumstances needn't read them.
      program.write(`${JSON.stringify(query)}\n`, signal).catch(() => {})
      program.closeInput()
      for await (const lines of linesOf(program.output, inventoryLineBytesMax, () => wrong++)) {
        const batch = lines.flatMap(parse)
        if (batch.length > 0) yield batch
      }
      signal.throwIfAborted()
      const { trouble, stderr } = await program.ended
      if (trouble !== undefined) throw new HeirloomError('source-failed', trouble)
      if (stderr !== '') this.#options.onWarning?.(`${this.name}: ${stderr}`)
      if (wrong > 0) this.#options.onWarning?.(`${this.name}: ${wrong} lines of the index are not chunks and were skipped`)
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** One chunk's parts. Throws what makes the rest of the answers worthless. */
  async *#answerTo(chunk: Chunk, { answers }: Dumping): AsyncGenerator<ChunkPart | LeftOut> {
    const line = await answers.line(inventoryLineBytesMax)
    if (line === undefined) throw new HeirloomError('link-lost', 'the program ended without an answer')
    const answer = parseAnswer(line, chunk.id)
    if ('leftOut' in answer) return yield { chunk, leftOut: answer.leftOut, detail: answer.detail }
    let failure: { leftOut: LeftOutReason; detail: string } | undefined
    try {
      for await (const part of partsOf({ chunk, length: answer.bytes, version: answer.version, body: bodyOf(answers, answer) })) yield part
    } catch (thrown) {
      const { code, message } = asHeirloomError(thrown)
      if (code !== 'too-large') throw thrown
      failure = { leftOut: 'too-large', detail: message }
    }
    if (failure === undefined) return
    for await (const piece of bodyOf(answers, answer)) void piece
    yield { chunk, ...failure }
  }
}

/** Some at a time: there may be millions. */
async function ask(program: Program, chunks: readonly Chunk[], signal: AbortSignal): Promise<void> {
  for (let at = 0; at < chunks.length; at += commandAskedMax) {
    const lines = chunks.slice(at, at + commandAskedMax).map(({ id }) => `${JSON.stringify({ id })}\n`)
    await program.write(lines.join(''), signal)
  }
}

async function* bodyOf(answers: ByteReader, { bytes }: Extract<DumpAnswer, { bytes: number }>): AsyncGenerator<Uint8Array> {
  for (let rest = bytes; rest > 0;) {
    const piece = await answers.some(rest)
    if (piece === undefined) throw new HeirloomError('link-lost', `the program ended ${rest} bytes before the end of a chunk`)
    rest -= piece.byteLength
    yield piece
  }
}
