// A directory as a source. Folders, links and further names of files are metadata; a file up to the pack's target is one chunk, a larger one is divided into pieces:
// of that size, or of a smaller one, or by its content. Walking and reading are done on a thread of the source's own; here chunks are made of what it finds.
//
// What is read is independent of what was listed: sizes and times of an inventory are hints. Only the pieces of a large file must all be of
// the state that was listed, or are left out.

import { matchesGlob } from 'node:path'
import { isLeftOut, type Chunk, type ChunkPart, type LeftOut } from '../../../src/chunk/chunk.ts'
import { systemClock, type Clock } from '../../../src/clock.ts'
import { asHeirloomError } from '../../../src/errors.ts'
import { racyWriteMs } from '../../../src/limits/preship.ts'
import { contentCutsMax, readAheadBatches } from '../../../src/limits/source.ts'
import { packBytesTarget } from '../../../src/limits/wire.ts'
import type { Division, Order } from '../../../src/plan/manifest.ts'
import { batchesOf } from '../batches.ts'
import type { InventoryQuery, Source, WaitOptions } from '../source.ts'
import { withExtended } from './attributes.ts'
import type { CutAnswer } from './content-cuts.ts'
import type { Entry, RelativePath } from './entry.ts'
import { ExtendedAttributes } from './extended.ts'
import { formatId, parseId, pathFromText, pathText } from './path.ts'
import { entriesFrom, partAt, type ListAnswer, type ReadAnswer, type ReaderData, type ReaderRequest } from './reader-calls.ts'
import { Thread } from './thread.ts'

export interface DirectorySourceOptions {
  readonly name: string
  readonly path: string
  readonly order?: Order | undefined
  /** Globs of relative paths, as node:path's matchesGlob has them. */
  readonly include?: readonly string[] | undefined
  readonly exclude?: readonly string[] | undefined
  /** How large files are cut: evenly into pieces of the target (at most packBytesTarget), or by their content. Without it: evenly. */
  readonly divide?: Division | undefined
  /** Files that match one of these globs are metadata. */
  readonly metadata?: readonly string[] | undefined
  /** Extended attributes of users go, too. */
  readonly xattrs?: boolean | undefined
  readonly onWarning?: ((message: string) => void) | undefined
  readonly clock?: Clock
}

/** The source's thread starts with the first call, so a peer that will hand off calls `warm` early. */
export function createDirectorySource(options: DirectorySourceOptions): Source {
  return new DirectorySource(options)
}

class DirectorySource implements Source {
  readonly name: string
  readonly kind = 'directory'
  readonly #options: DirectorySourceOptions
  readonly #clock: Clock
  #started: Thread | undefined
  /** Of large files that were cut by their content, by path. */
  readonly #cuts = new Map<string, { readonly version: string; readonly at: readonly number[] }>()
  #cutCount = 0
  readonly #extended: ExtendedAttributes | undefined

  constructor(options: DirectorySourceOptions) {
    this.name = options.name
    this.#extended = options.xattrs === true ? new ExtendedAttributes(options.path) : undefined
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  get #thread(): Thread {
    const { path, include, exclude } = this.#options
    return (this.#started ??= new Thread('reader-worker', { root: path, include, exclude } satisfies ReaderData))
  }

  /** Walks once. The thread keeps what it found, so that the next walk only looks at what may have changed. */
  async warm({ signal }: WaitOptions): Promise<void> {
    for await (const entries of this.#list(signal)) {
      if (this.#options.divide?.by !== 'content') continue
      for (const entry of entries) if (entry.version !== undefined) await this.#cut(entry, signal)
    }
  }

  async *inventory({ partOf }: InventoryQuery, { signal }: WaitOptions): AsyncGenerator<Chunk[]> {
    const nowMs = this.#clock.nowMs()
    for await (const entries of this.#list(signal)) {
      const chunks: Chunk[] = []
      for (const entry of entries) {
        const first = chunks.length
        this.#addChunks(chunks, entry, nowMs)
        if (partOf !== undefined) this.#divide(chunks, first, entry, partOf)
      }
      yield chunks
    }
  }

  async *read(chunks: readonly Chunk[], { signal }: WaitOptions): AsyncGenerator<(ChunkPart | LeftOut)[]> {
    const ahead: { batch: readonly Chunk[]; answer: Promise<ReadAnswer> }[] = []
    const batches = batchesOf(chunks, expectedBytes)
    for (;;) {
      while (ahead.length < readAheadBatches) {
        const { value: batch, done } = batches.next()
        if (done === true) break
        const answer = this.#readBatch(batch, signal)
        // It is awaited in its turn; until then a failure mustn't count as unhandled, and whoever ends early doesn't wait for it.
        answer.catch(() => {})
        ahead.push({ batch, answer })
      }
      const first = ahead.shift()
      if (first === undefined) return
      const answer = await first.answer
      const parts = first.batch.map((chunk, index) => partAt(answer, index, chunk))
      yield this.#extended === undefined ? parts : await this.#extend(this.#extended, parts, signal)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#extended?.[Symbol.asyncDispose]()
    await this.#started?.[Symbol.asyncDispose]()
    this.#started = undefined
  }

  /** Adds extended attributes: of files and folders, and of a file in pieces with each of them. */
  async #extend(reader: ExtendedAttributes, parts: (ChunkPart | LeftOut)[], signal: AbortSignal): Promise<(ChunkPart | LeftOut)[]> {
    const paths = parts.map(({ chunk }) => parseId(chunk.id)?.path ?? '')
    let extended: Uint8Array[]
    try {
      extended = await reader.read(paths, signal)
    } catch (thrown) {
      signal.throwIfAborted()
      this.#options.onWarning?.(`${this.name}: extended attributes stay behind: ${asHeirloomError(thrown).message}`)
      return parts
    }
    return parts.map((part, index) => {
      const own = extended[index]!
      return isLeftOut(part) || own.byteLength === 0 ? part : { ...part, attributes: withExtended(part.attributes!, own) }
    })
  }

  #addChunks(chunks: Chunk[], entry: Entry, nowMs: number): void {
    const { path, type, size, mtimeMs, version } = entry
    const id = formatId({ path, type, offset: undefined })
    const { version: named } = type === 'name' ? entry : {}
    const listed = { id, kind: 'metadata' as const, bytes: 0, readProbability: 0, stamp: `${mtimeMs}` }
    if (type !== 'file') return void chunks.push({ ...listed, ...(named !== undefined && { version: named }) })
    const readProbability = recencyWeight(mtimeMs, nowMs)
    const kind = this.#isMetadata(path) ? 'metadata' : 'data'
    // A file that was written just now may be written again within one tick of its time.
    const stamp = nowMs - mtimeMs > racyWriteMs ? { stamp: `${size} ${mtimeMs}` } : {}
    if (version === undefined) return void chunks.push({ id, kind, bytes: size, readProbability, ...stamp })
    const starts = this.#startsOf(entry)
    starts.forEach((offset, index) => {
      const bytes = (starts[index + 1] ?? size) - offset
      const id = formatId({ path, type, offset })
      // One read of the file is a read of every piece, but it is worth one: the pieces share it.
      chunks.push({ id, kind, bytes, readProbability: (readProbability * bytes) / size, version, ...stamp })
    })
  }

  /** The pieces of a file stay together, and with them its further names; folders, links and metadata are everywhere. */
  #divide(chunks: Chunk[], first: number, { type, path, version }: Entry, partOf: NonNullable<InventoryQuery['partOf']>): void {
    if (type === 'directory' || type === 'link') return
    const file = type === 'name' ? pathFromText(version!) : path
    if (this.#isMetadata(file)) return
    const part = partOf(file)
    for (let at = first; at < chunks.length; at++) chunks[at] = { ...chunks[at]!, part }
  }

  #isMetadata(path: RelativePath): boolean {
    const { metadata } = this.#options
    return metadata !== undefined && metadata.some((glob) => matchesGlob(pathText(path), glob))
  }

  /** Where the pieces of a large file begin: where its content was cut, else evenly. */
  #startsOf({ path, size, version }: Entry): number[] {
    const cuts = this.#cuts.get(pathText(path))
    if (cuts !== undefined && cuts.version === version) return [0, ...cuts.at]
    const pieceBytes = Math.min(packBytesTarget, this.#options.divide?.targetBytes ?? packBytesTarget)
    return Array.from({ length: Math.ceil(size / pieceBytes) }, (_, index) => index * pieceBytes)
  }

  /** Cuts a large file by its content, unless that was done. What can't be read has no cuts: whoever reads it says why. */
  async #cut({ path, version = '' }: Entry, signal: AbortSignal): Promise<void> {
    const key = pathText(path)
    if (this.#cuts.get(key)?.version === version) return
    this.#cutCount -= this.#cuts.get(key)?.at.length ?? 0
    this.#cuts.delete(key)
    // Pieces are up to twice the target long, and a piece is read into one pack.
    const targetBytes = Math.min(this.#options.divide!.targetBytes, packBytesTarget / 2)
    const at: number[] = []
    for (let end: CutAnswer['end']; end === undefined;) {
      const request: ReaderRequest = { kind: 'cut', path: key, version, from: at.at(-1) ?? 0, targetBytes }
      const answer = await this.#thread.call<CutAnswer>(request, { signal }).catch(() => undefined)
      signal.throwIfAborted()
      if (answer === undefined || answer.end === 'changed' || this.#cutCount + at.length > contentCutsMax) return
      at.push(...answer.cuts)
      end = answer.end
    }
    this.#cuts.set(key, { version, at })
    this.#cutCount += at.length
  }

  async *#list(signal: AbortSignal): AsyncGenerator<Entry[]> {
    const call = <Answer>(request: ReaderRequest) => this.#thread.call<Answer>(request, { signal })
    const listing = await call<number>({ kind: 'open', order: this.#options.order ?? 'recency', nowMs: this.#clock.nowMs() })
    try {
      for (;;) {
        const { batch, skipped } = await call<ListAnswer>({ kind: 'next', listing })
        for (const { path, why } of skipped) this.#options.onWarning?.(`${this.name}: ${path} is left out: ${why}`)
        if (batch === undefined) return
        yield entriesFrom(batch)
      }
    } finally {
      // Without the signal, which may be aborted; and a thread that is gone has no listing to close.
      this.#started?.call({ kind: 'close', listing } satisfies ReaderRequest).catch(() => {})
    }
  }

  #readBatch(batch: readonly Chunk[], signal: AbortSignal): Promise<ReadAnswer> {
    const request: ReaderRequest = {
      kind: 'read',
      ids: batch.map(({ id }) => id),
      versions: batch.map(({ version }) => version ?? ''),
      bytes: Float64Array.from(batch, expectedBytes),
    }
    return this.#thread.call<ReadAnswer>(request, { signal })
  }
}

/** What memory is set aside for: nothing that a chunk says makes it more than a pack's worth. */
function expectedBytes({ bytes = 0 }: Chunk): number {
  return Math.min(packBytesTarget, Math.max(0, bytes))
}

/**
 * How likely a file is to be read soon, of what a directory knows of it: 1 for one that was written just now, half of it an hour later, then in
 * inverse proportion to its age, as re-reference intervals of caches are found to be. The time of reading is not used: under the
 * usual mount options it is a day coarse, and whatever copies or searches a directory sets it.
 */
function recencyWeight(mtimeMs: number, nowMs: number): number {
  const hourMs = 60 * 60 * 1000
  return hourMs / (hourMs + Math.max(0, nowMs - mtimeMs))
}
