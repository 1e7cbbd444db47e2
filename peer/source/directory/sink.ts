// A directory as a sink. All of its work is done on a thread of its own, in the order of the calls.
// How conflicts are settled is said in writer.ts.

import { restoresMax } from '../../../src/limits/handoff.ts'
import { KiB } from '../../../src/limits/size.ts'
import { packBytesTarget } from '../../../src/limits/wire.ts'
import type { IncomingFragment, RecalledFragment, RestoreOptions, RestoreOutcome, Sink, SinkEnd, WaitOptions } from '../source.ts'
import { decodeAttributes } from './attributes.ts'
import { ExtendedAttributes } from './extended.ts'
import { Thread } from './thread.ts'
import {
  bufferBytes,
  copiedColumns,
  givenBuffer,
  itemColumns,
  type RestoreAnswer,
  type WriterData,
  type WriterRequest,
} from './writer-calls.ts'

const bufferStepBytes = 64 * KiB

export interface DirectorySinkOptions {
  readonly name: string
  readonly path: string
  /** A folder on the same file system, for files that aren't complete. It is made when it is needed, and removed at the end. */
  readonly staging: string
  /** Extended attributes that come are set. */
  readonly xattrs?: boolean | undefined
}

/** The sink's thread starts at once, so that it is ready when the first pack comes. Files are touched with the first restore. */
export function createDirectorySink(options: DirectorySinkOptions): Sink {
  return new DirectorySink(options)
}

class DirectorySink implements Sink {
  readonly name: string
  readonly kind = 'directory'
  readonly returnsMemory = true
  readonly #thread: Thread
  /** Buffers that came back; at most one for each restore that the caller has under way. */
  readonly #spare: ArrayBuffer[] = []
  #disposed: Promise<void> | undefined

  readonly #extended: ExtendedAttributes | undefined

  constructor({ name, path, staging, xattrs }: DirectorySinkOptions) {
    this.name = name
    this.#extended = xattrs === true ? new ExtendedAttributes(path) : undefined
    this.#thread = new Thread('writer-worker', { root: path, staging } satisfies WriterData)
  }

  /** Extended attributes are read from the fragments once more, when they are in place. */
  get takesMemory(): boolean {
    return this.#extended === undefined
  }

  async restore(fragments: readonly IncomingFragment[], { signal, isGiven = false }: RestoreOptions): Promise<RestoreOutcome> {
    const given = isGiven ? givenBuffer(fragments) : undefined
    const buffer = given ?? this.#takeBuffer(bufferBytes(fragments))
    const items = given === undefined ? copiedColumns(fragments, buffer) : itemColumns(fragments)
    const request: WriterRequest = { kind: 'restore', items, buffer, isGiven: given !== undefined }
    const { outcome, buffer: back } = await this.#thread.call<RestoreAnswer>(request, { signal, transfer: [buffer] })
    if (back !== undefined && this.#spare.length < restoresMax) this.#spare.push(back)
    else back?.transfer(0)
    if (this.#extended !== undefined) await this.#extend(this.#extended, fragments, outcome, signal)
    return outcome
  }

  async recall(fragments: readonly RecalledFragment[], { signal }: WaitOptions): Promise<void> {
    const buffer = new ArrayBuffer(bufferBytes(fragments))
    const request: WriterRequest = { kind: 'recall', items: copiedColumns(fragments, buffer), buffer, isGiven: false }
    await this.#thread.call(request, { signal, transfer: [buffer] })
  }

  async finish(_end: SinkEnd, { signal }: WaitOptions): Promise<{ arrived: string[] }> {
    return this.#thread.call<{ arrived: string[] }>({ kind: 'finish' } satisfies WriterRequest, { signal })
  }

  /** What is unfinished stays in the staging folder, for a restart. */
  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= this.#dispose())
  }

  async #dispose(): Promise<void> {
    await this.#extended?.[Symbol.asyncDispose]()
    try {
      await this.#thread.call({ kind: 'close' } satisfies WriterRequest)
    } catch {
      // A thread that has failed told so where it failed; it has nothing to close any more.
    }
    await this.#thread[Symbol.asyncDispose]()
  }

  /** Of what is complete with these fragments: folders, files, and files in pieces with their last one. */
  async #extend(
    writer: ExtendedAttributes,
    fragments: readonly IncomingFragment[],
    { unfinished, refused }: RestoreOutcome,
    signal: AbortSignal,
  ): Promise<void> {
    const [waiting, failed] = [new Set(unfinished), new Set(refused.map(({ id }) => id))]
    const given = fragments.flatMap((fragment, index) => {
      const decoded = decodeAttributes(fragment.attributes)
      if ('problem' in decoded || decoded.head.extended === undefined || failed.has(fragment.id)) return []
      return waiting.has(index) && decoded.head.type !== 'directory' ? [] : { path: decoded.path, extended: decoded.head.extended }
    })
    await writer.write(given, signal)
  }

  #takeBuffer(bytes: number): ArrayBuffer {
    const index = this.#spare.findIndex((buffer) => buffer.byteLength >= bytes)
    if (index >= 0) return this.#spare.splice(index, 1)[0]!
    // Of packs of the usual size each has a few bytes more or less than others: a buffer must do for all of them.
    return new ArrayBuffer(Math.ceil(Math.max(bytes, packBytesTarget + 1) / bufferStepBytes) * bufferStepBytes)
  }
}
