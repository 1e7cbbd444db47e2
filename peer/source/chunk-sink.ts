// A sink whose chunks are restored one by one, each when all of it is there: metadata before data, several at a time, started in the order of the
// plan. Parts of a large chunk are gathered in a file. How a whole chunk is put in its place is the adapter's own.

import { rmSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import PQueue from 'p-queue'
import { systemClock, type Clock } from '../../src/clock.ts'
import type { IncomingFragment, RecalledFragment, RestoreOptions, RestoreOutcome, Sink, SinkEnd, WaitOptions } from './source.ts'
import { StagedFiles, type StagedFile } from './staged-files.ts'

/** All of a chunk: in memory, or in a file that is gone when it has been put. */
export interface WholeChunk extends Omit<IncomingFragment, 'offset' | 'bytes'> {
  readonly body: Uint8Array | { readonly path: string }
}

/** `later`: its place isn't there yet; it is kept and put once more at the end. */
export type Put = 'restored' | 'later' | { readonly refused: string }

export interface ChunkTarget extends AsyncDisposable {
  /** Puts a chunk in its place; the same one may come again. Throws when the target as a whole is gone. */
  put(chunk: WholeChunk, options: WaitOptions): Promise<Put>
  /** All that will come has come. */
  finish(end: SinkEnd, options: WaitOptions): Promise<void>
}

export interface ChunkSinkOptions {
  readonly name: string
  readonly kind: string
  readonly target: ChunkTarget
  /** A folder of this sink's own, for chunks that come in parts. It is made when it is needed, and removed at the end. */
  readonly staging: string
  /** Chunks that are put at a time, of all packs together. */
  readonly putsMax: number
  readonly clock?: Clock | undefined
}

export function createChunkSink(options: ChunkSinkOptions): Sink {
  return new ChunkSink(options)
}

type Verdict = 'restored' | 'unfinished' | { readonly refused: string }

/** What of a chunk is known without its bytes. */
type ChunkHead = Omit<WholeChunk, 'body'>

class ChunkSink implements Sink {
  readonly name: string
  readonly kind: string
  readonly #target: ChunkTarget
  readonly #staging: string
  readonly #staged: StagedFiles
  readonly #clock: Clock
  readonly #puts: PQueue
  /** Whole chunks whose place wasn't there yet, by key. */
  readonly #later = new Map<string, { readonly head: ChunkHead; readonly path: string }>()

  constructor({ name, kind, target, staging, putsMax, clock = systemClock }: ChunkSinkOptions) {
    this.name = name
    this.kind = kind
    this.#target = target
    this.#staging = staging
    this.#staged = new StagedFiles(staging)
    this.#clock = clock
    this.#puts = new PQueue({ concurrency: putsMax })
  }

  async restore(fragments: readonly IncomingFragment[], { signal, isUrgent = false }: RestoreOptions): Promise<RestoreOutcome> {
    const verdicts = new Map<IncomingFragment, Verdict>()
    // What fails for one fragment here fails for all: the others needn't go on.
    const failed = new AbortController()
    const either = AbortSignal.any([signal, failed.signal])
    try {
      for (const kind of ['metadata', 'data'] as const) {
        const ofKind = fragments.filter((fragment) => fragment.kind === kind)
        await this.#puts.addAll<void>(
          ofKind.map((fragment) => async () => void verdicts.set(fragment, await this.#restoreOne(fragment, either))),
          { signal: either, priority: isUrgent ? 1 : 0 },
        )
      }
    } catch (thrown) {
      failed.abort(thrown)
      throw thrown
    }
    return {
      unfinished: fragments.flatMap((fragment, index) => (verdicts.get(fragment) === 'unfinished' ? [index] : [])),
      refused: fragments.flatMap((fragment) => {
        const verdict = verdicts.get(fragment)
        return typeof verdict === 'object' ? [{ id: fragment.id, reason: verdict.refused }] : []
      }),
    }
  }

  async recall(fragments: readonly RecalledFragment[]): Promise<void> {
    for (const fragment of fragments) {
      const key = keyOf(fragment)
      const whole = this.#staged.recall(key, fragment.chunkBytes, pieceOf(fragment, fragment.length))
      if (whole !== undefined) this.#later.set(key, { head: headOf(fragment), path: whole.path })
    }
  }

  async finish(end: SinkEnd, options: WaitOptions): Promise<{ arrived: string[] }> {
    const arrived: string[] = []
    for (const { head, path } of this.#later.values()) {
      const put = await this.#target.put({ ...head, body: { path } }, options)
      if (put === 'restored') arrived.push(head.id)
    }
    this.#later.clear()
    this.#staged.drop()
    rmSync(this.#staging, { recursive: true, force: true })
    await this.#target.finish(end, options)
    return { arrived }
  }

  /** What is unfinished stays in the staging folder, for a restart. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#staged.close()
    await this.#target[Symbol.asyncDispose]()
  }

  async #restoreOne(fragment: IncomingFragment, signal: AbortSignal): Promise<Verdict> {
    const { bytes, offset, chunkBytes, expiresAtMs } = fragment
    if (expiresAtMs > 0 && expiresAtMs <= this.#clock.nowMs()) return { refused: 'it has expired' }
    const key = keyOf(fragment)
    if (bytes.byteLength === chunkBytes) {
      const put = await this.#target.put({ ...headOf(fragment), body: bytes }, { signal })
      if (put !== 'later') return put
      this.#keep(key, fragment, (await this.#stage(key, fragment))!)
      return 'unfinished'
    }
    if (offset + bytes.byteLength > chunkBytes) return { refused: 'a part that lies outside of its chunk' }
    const staged = await this.#stage(key, fragment)
    if (staged === undefined) return 'unfinished'
    const put = await this.#target.put({ ...headOf(fragment), body: { path: staged.path } }, { signal })
    if (put === 'later') {
      this.#keep(key, fragment, staged)
      return 'unfinished'
    }
    this.#staged.discard(key)
    return put
  }

  async #stage(key: string, fragment: IncomingFragment): Promise<StagedFile | undefined> {
    await mkdir(this.#staging, { recursive: true, mode: 0o700 })
    return this.#staged.write(key, fragment.chunkBytes, pieceOf(fragment, fragment.bytes.byteLength), fragment.bytes)
  }

  #keep(key: string, fragment: IncomingFragment, { path }: StagedFile): void {
    this.#later.set(key, { head: headOf(fragment), path })
  }
}

/** A chunk's bytes, for a target that wants them in memory: what is larger than `bytesMax` is undefined. */
export async function wholeBytes({ body, chunkBytes }: WholeChunk, bytesMax: number): Promise<Uint8Array | undefined> {
  if (chunkBytes > bytesMax) return undefined
  return body instanceof Uint8Array ? body : await readFile(body.path)
}

function headOf({ id, kind, chunkBytes, version, expiresAtMs, attributes }: Omit<IncomingFragment, 'bytes' | 'offset'>): ChunkHead {
  return { id, kind, chunkBytes, version, expiresAtMs, attributes }
}

function keyOf({ id, version, chunkBytes }: Pick<IncomingFragment, 'id' | 'version' | 'chunkBytes'>): string {
  return `${id}\0${version}\0${chunkBytes}`
}

function pieceOf({ id, offset }: Pick<IncomingFragment, 'id' | 'offset'>, length: number) {
  return { id, chunkAt: 0, at: offset, length }
}
