// Puts ranges of files back into the kernel's page cache by reading them. The reading goes on beside the rest of the restore, which mustn't wait for it,
// and is over when the sink is finished. What the machine has no memory for isn't read: it would only push out what was read before.

import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import process from 'node:process'
import { asHeirloomError, HeirloomError } from '../../../src/errors.ts'
import { hintBytesMax, hintDrainMs, pageReadBytes, pageReadersMax } from '../../../src/limits/source.ts'
import { systemClock } from '../../../src/clock.ts'
import { Deadline } from '../../../src/deadline.ts'
import { createChunkSink, wholeBytes, type ChunkTarget, type Put, type WholeChunk } from '../chunk-sink.ts'
import { absolutePath, parentPath, parseId, pathBytes } from '../directory/path.ts'
import { errnoOf } from '../directory/file-system.ts'
import type { Sink, SinkEnd, WaitOptions } from '../source.ts'
import { parseResidency, residentBytes, type Residency } from './hint.ts'
import PQueue from 'p-queue'

export interface PageCacheSinkOptions {
  readonly name: string
  readonly path: string
  readonly staging: string
  /** What may be read in all. Default: the memory that is free for it now. */
  readonly bytesMax?: number
}

export function createPageCacheSink(options: PageCacheSinkOptions): Sink {
  return pageCacheSinkFor(new PageCacheTarget(options), options)
}

export function pageCacheSinkFor(target: PageCacheTarget, { name, staging }: PageCacheSinkOptions): Sink {
  return createChunkSink({ name, kind: 'pagecache', target, staging, putsMax: pageReadersMax })
}

/** Of the memory that is free something is left for what the VM is there for. */
const memoryShare = 0.8

const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

const absent: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR'])

export class PageCacheTarget implements ChunkTarget {
  readonly #options: PageCacheSinkOptions
  readonly #readers = new PQueue({ concurrency: pageReadersMax })
  readonly #over = new AbortController()
  #bytesLeft: number

  constructor(options: PageCacheSinkOptions) {
    this.#options = options
    this.#bytesLeft = options.bytesMax ?? memoryShare * process.availableMemory()
  }

  async put(chunk: WholeChunk): Promise<Put> {
    const bytes = await wholeBytes(chunk, hintBytesMax)
    if (bytes === undefined) return { refused: `more than ${hintBytesMax} bytes of ranges` }
    const residency = parseResidency(Buffer.from(bytes).toString('utf8'))
    if ('refused' in residency) return residency
    const id = parseId(chunk.id)
    if (id === undefined || id.type !== 'file' || id.offset !== undefined) return { refused: 'not the name of a file in this directory' }
    const { path: root } = this.#options
    try {
      // A link on the way could lead anywhere.
      const [base, folder] = await Promise.all([realpath(root), realpath(absolutePath(root, parentPath(id.path)), 'buffer')])
      const expected = absolutePath(base, parentPath(id.path))
      if (!Buffer.from(pathBytes(expected)).equals(folder)) return { refused: 'a link is in the place of a folder' }
      return await this.#queue(absolutePath(base, id.path), residency)
    } catch (thrown) {
      if (absent.has(errnoOf(thrown))) return 'later'
      return { refused: asHeirloomError(thrown).message }
    }
  }

  async finish(_end: SinkEnd, { signal }: WaitOptions): Promise<void> {
    const onAbort = () => this.#over.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    await this.idle().finally(() => signal.removeEventListener('abort', onAbort))
    signal.throwIfAborted()
  }

  /** Resolves when all that was put has been read. */
  async idle(): Promise<void> {
    await this.#readers.onIdle()
  }

  /** What was taken is finished, unless that takes too long for a process that ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    using patience = Deadline.after(systemClock, hintDrainMs).signal()
    const over = new Promise((resolve) => patience.signal.addEventListener('abort', resolve, { once: true }))
    await Promise.race([this.idle(), over])
    this.#over.abort(new HeirloomError('aborted', 'nothing more is read'))
    await this.idle()
  }

  async #queue(path: string | Buffer, residency: Residency): Promise<Put> {
    // Looked at now, and opened again for the reading: those that wait for it may be more than a process may have open.
    await using file = await open(path, openFlags)
    if (!(await file.stat()).isFile()) return { refused: 'not a file here' }
    const needed = residentBytes(residency)
    if (needed > this.#bytesLeft) return { refused: 'there is no memory left for it' }
    this.#bytesLeft -= needed
    // What can't be read after all stays cold, and that is all.
    void this.#readers.add(() => this.#read(path, residency).catch(() => {}))
    return 'restored'
  }

  async #read(path: string | Buffer, { ranges }: Residency): Promise<void> {
    if (this.#over.signal.aborted) return
    await using file = await open(path, openFlags)
    const buffer = new Uint8Array(pageReadBytes)
    for (const [start, length] of ranges) {
      for (let at = start; at < start + length;) {
        if (this.#over.signal.aborted) return
        const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.byteLength, start + length - at), at)
        if (bytesRead === 0) break
        at += bytesRead
      }
    }
  }
}
