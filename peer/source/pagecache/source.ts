// The kernel's page cache as a source: which ranges of the files below a directory are in memory, a chunk of metadata a file. The files' own bytes
// are not sent: the successor has them on a disk, a volume or an image of its own, or gets them from another source, and reads these ranges first.

import { lstatSync } from 'node:fs'
import type { Chunk, ChunkPart, LeftOut } from '../../../src/chunk/chunk.ts'
import { systemClock, type Clock } from '../../../src/clock.ts'
import { HeirloomError } from '../../../src/errors.ts'
import { hintRangesMax, hintsBytesMax, residencyLineBytesMax } from '../../../src/limits/source.ts'
import type { Order } from '../../../src/plan/manifest.ts'
import { ByteReader } from '../command/byte-reader.ts'
import { parseObject } from '../command/dump-answer.ts'
import type { Entry, RelativePath } from '../directory/entry.ts'
import { absolutePath, formatId, parseId, pathBytes, pathText } from '../directory/path.ts'
import { entriesFrom, type ListAnswer, type ReaderData, type ReaderRequest } from '../directory/reader-calls.ts'
import { Thread } from '../directory/thread.ts'
import { Program } from '../program.ts'
import type { InventoryQuery, Source, WaitOptions } from '../source.ts'
import { residentBytes, type Residency } from './hint.ts'
import { residencyProgram } from './residency-program.ts'

export interface PageCacheSourceOptions {
  readonly name: string
  readonly path: string
  readonly order?: Order | undefined
  /** Globs of relative paths. */
  readonly include?: readonly string[] | undefined
  readonly exclude?: readonly string[] | undefined
  /** The Python to run. */
  readonly python?: string | undefined
  readonly clock?: Clock
  readonly onWarning?: ((message: string) => void) | undefined
}

export function createPageCacheSource(options: PageCacheSourceOptions): Source {
  return new PageCacheSource(options)
}

class PageCacheSource implements Source {
  readonly name: string
  readonly kind = 'pagecache'
  readonly #options: PageCacheSourceOptions
  #thread: Thread | undefined
  /** Of the last inventory, by id: what `read` answers. */
  #hints = new Map<string, Buffer>()

  constructor(options: PageCacheSourceOptions) {
    this.name = options.name
    this.#options = options
  }

  /** Walks once: the thread keeps what it found, so that the next walk only looks at what may have changed. */
  async warm({ signal }: WaitOptions): Promise<void> {
    for await (const entries of this.#files(signal, () => {})) void entries
  }

  async *inventory({ partOf }: InventoryQuery, { signal }: WaitOptions): AsyncGenerator<Chunk[]> {
    const hints = (this.#hints = new Map<string, Buffer>())
    const skipped = new Skipped()
    let hintBytes = 0
    await using program = new Program([this.#options.python ?? 'python3', '-c', residencyProgram, String(hintRangesMax)])
    const onAbort = () => program.kill()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      const answers = new ByteReader(program.output)
      for await (const entries of this.#files(signal, (path, why) => skipped.add(path, why))) {
        const asked = entries.map(({ path }) => `${Buffer.from(pathBytes(this.#absolute(path))).toString('hex')}\n`).join('')
        program.write(asked, signal).catch(() => {})
        const batch: Chunk[] = []
        for (const { path } of entries) {
          const residency = await this.#answer(program, answers, path, skipped)
          if (residency === undefined) continue
          const content = Buffer.from(JSON.stringify(residency))
          hintBytes += content.byteLength
          if (hintBytes > hintsBytesMax) throw new HeirloomError('source-failed', `its description takes more than ${hintsBytesMax} bytes`)
          const id = formatId({ path, type: 'file', offset: undefined })
          hints.set(id, content)
          const readProbability = residentBytes(residency) / residency.size
          // It is of use where the file is.
          batch.push({ id, kind: 'metadata', bytes: content.byteLength, readProbability, ...(partOf && { part: partOf(path) }) })
        }
        if (batch.length > 0) yield batch
      }
    } catch (thrown) {
      signal.throwIfAborted()
      throw thrown
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
    if (skipped.count > 0) this.#options.onWarning?.(`${this.name}: ${skipped.count} files are left out, ${skipped.first}`)
  }

  async *read(chunks: readonly Chunk[], { signal }: WaitOptions): AsyncGenerator<(ChunkPart | LeftOut)[]> {
    for (const chunk of chunks) {
      signal.throwIfAborted()
      const bytes = this.#hints.get(chunk.id)
      const path = parseId(chunk.id)?.path
      const isThere = path !== undefined && lstatSync(this.#absolute(path), { throwIfNoEntry: false }) !== undefined
      if (bytes === undefined || !isThere) yield [{ chunk, leftOut: 'vanished', detail: `${chunk.id} is not there any more` }]
      else yield [{ chunk, offset: 0, chunkBytes: bytes.byteLength, bytes }]
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread?.[Symbol.asyncDispose]()
    this.#thread = undefined
  }

  #absolute(path: RelativePath): string | Buffer {
    return absolutePath(this.#options.path, path)
  }

  /** What is in memory of a file; undefined for nothing. Throws `source-failed` when the program can't go on. */
  async #answer(program: Program, answers: ByteReader, path: RelativePath, skipped: Skipped): Promise<Residency | undefined> {
    const line = await answers.line(residencyLineBytesMax)
    if (line === undefined) {
      const { trouble } = await program.end()
      throw new HeirloomError('source-failed', trouble ?? 'the program that asks the kernel has ended', {
        hint: `is there a Python 3? Give its path with python, if it isn't ${this.#options.python ?? 'python3'}`,
      })
    }
    const { error, ...residency } = parseObject(line)
    if (typeof error === 'string') skipped.add(pathText(path), error)
    const { size, ranges } = residency as unknown as Residency
    return error !== undefined || ranges.length === 0 ? undefined : { size, ranges }
  }

  async *#files(signal: AbortSignal, onSkipped: (path: string, why: string) => void): AsyncGenerator<Entry[]> {
    const { path, include, exclude, order = 'recency', clock = systemClock } = this.#options
    this.#thread ??= new Thread('reader-worker', { root: path, include, exclude } satisfies ReaderData)
    const thread = this.#thread
    const call = <Answer>(request: ReaderRequest) => thread.call<Answer>(request, { signal })
    const listing = await call<number>({ kind: 'open', order, nowMs: clock.nowMs() })
    try {
      for (;;) {
        const { batch, skipped } = await call<ListAnswer>({ kind: 'next', listing })
        for (const one of skipped) onSkipped(one.path, one.why)
        if (batch === undefined) return
        yield entriesFrom(batch).filter(({ type, size }) => type === 'file' && size > 0)
      }
    } finally {
      // Without the signal, which may be aborted; a thread that is gone has no listing to close.
      thread.call({ kind: 'close', listing } satisfies ReaderRequest).catch(() => {})
    }
  }
}

/** Files of which nothing can be said: how many, and the first of them by name. */
class Skipped {
  count = 0
  first = ''

  add(path: string, why: string): void {
    if (this.count++ === 0) this.first = `the first is ${path}: ${why}`
  }
}
