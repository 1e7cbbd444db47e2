// An application as a sink, over the app API: PUT chunk by chunk, metadata first, at most appCallsMax at a time, started in the order of the
// plan; then POST ready. Parts of a large chunk are gathered in a file, and put when all of it is there.

import { createReadStream, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import PQueue from 'p-queue'
import { delay, systemClock, type Clock } from '../../../src/clock.ts'
import { Deadline } from '../../../src/deadline.ts'
import { asHeirloomError, HeirloomError } from '../../../src/errors.ts'
import { retryFirstMs } from '../../../src/limits/link.ts'
import { appBytesPerSecondMin, appCallsMax, appConnectTimeoutMs, appErrorBytesMax, chunkCallTimeoutMs } from '../../../src/limits/source.ts'
import { StagedFiles } from '../directory/staged-files.ts'
import type { IncomingFragment, RecalledFragment, RestoreOptions, RestoreOutcome, Sink, SinkEnd, WaitOptions } from '../source.ts'
import { AppClient, chunkPath, drain, type AppCall } from './client.ts'

export interface AppSinkOptions {
  readonly name: string
  /** `unix:/path.sock` or `http://host:port`. */
  readonly url: string
  /** A folder of this sink's own, for chunks that come in parts. It is made when it is needed, and removed at the end. */
  readonly staging: string
  /** How long an application that isn't there yet is waited for. */
  readonly connectTimeoutMs?: number | undefined
  /** How long one call may take, beside the time that its bytes take at appBytesPerSecondMin. */
  readonly callTimeoutMs?: number | undefined
  readonly clock?: Clock
}

export function createAppSink(options: AppSinkOptions): Sink {
  return new AppSink(options)
}

type Verdict = { readonly kind: 'restored' } | { readonly kind: 'unfinished' } | { readonly kind: 'refused'; readonly reason: string }

/** A call whose body can be made again for another attempt. */
type RepeatableCall = Omit<AppCall, 'body'> & { readonly body: () => string | Uint8Array | Readable; readonly bytes: number }

class AppSink implements Sink {
  readonly name: string
  readonly kind = 'app'
  readonly #client: AppClient
  readonly #staging: string
  readonly #staged: StagedFiles
  readonly #clock: Clock
  readonly #connectTimeoutMs: number
  readonly #callTimeoutMs: number
  /** Shared by all packs that are being restored. */
  readonly #calls = new PQueue({ concurrency: appCallsMax })

  constructor({ name, url, staging, connectTimeoutMs, callTimeoutMs, clock = systemClock }: AppSinkOptions) {
    this.name = name
    this.#client = new AppClient(url)
    this.#staging = staging
    this.#staged = new StagedFiles(staging)
    this.#clock = clock
    this.#connectTimeoutMs = connectTimeoutMs ?? appConnectTimeoutMs
    this.#callTimeoutMs = callTimeoutMs ?? chunkCallTimeoutMs
  }

  async restore(fragments: readonly IncomingFragment[], { signal, isUrgent = false }: RestoreOptions): Promise<RestoreOutcome> {
    const verdicts = new Map<IncomingFragment, Verdict>()
    // What fails for one fragment here fails for all: the others needn't go on.
    const failed = new AbortController()
    const either = AbortSignal.any([signal, failed.signal])
    try {
      for (const kind of ['metadata', 'data'] as const) {
        const ofKind = fragments.filter((fragment) => fragment.kind === kind)
        await this.#calls.addAll<void>(
          ofKind.map((fragment) => async () => void verdicts.set(fragment, await this.#restoreOne(fragment, either))),
          { signal: either, priority: isUrgent ? 1 : 0 },
        )
      }
    } catch (thrown) {
      failed.abort(thrown)
      throw thrown
    }
    const restored = fragments.filter((fragment) => verdicts.get(fragment)?.kind === 'restored')
    return {
      chunks: restored.length,
      bytes: restored.reduce((sum, fragment) => sum + fragment.chunkBytes, 0),
      unfinished: fragments.flatMap((fragment, index) => (verdicts.get(fragment)?.kind === 'unfinished' ? [index] : [])),
      refused: fragments.flatMap((fragment) => {
        const verdict = verdicts.get(fragment)
        return verdict?.kind === 'refused' ? [{ id: fragment.id, reason: verdict.reason }] : []
      }),
    }
  }

  async recall(fragments: readonly RecalledFragment[]): Promise<void> {
    for (const fragment of fragments) this.#staged.recall(keyOf(fragment), fragment.chunkBytes, pieceOf(fragment, fragment.length))
  }

  async finish({ receipt }: SinkEnd, { signal }: WaitOptions): Promise<{ dropped: number }> {
    const dropped = this.#staged.drop()
    rmSync(this.#staging, { recursive: true, force: true })
    const headers = { 'content-type': 'application/json' }
    const status = await this.#patiently({ method: 'POST', path: 'ready', body: () => receipt, bytes: receipt.length, headers }, signal)
    if (status >= 300) throw new HeirloomError('source-failed', `the application answered "ready" with status ${status}`)
    return { dropped }
  }

  /** What is unfinished stays in the staging folder, for a restart. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#staged.close()
    await this.#client[Symbol.asyncDispose]()
  }

  async #restoreOne(fragment: IncomingFragment, signal: AbortSignal): Promise<Verdict> {
    const { bytes, offset, chunkBytes, expiresAtMs } = fragment
    if (expiresAtMs > 0 && expiresAtMs <= this.#clock.nowMs()) return { kind: 'refused', reason: 'it has expired' }
    if (bytes.byteLength === chunkBytes) return this.#put(fragment, () => bytes, signal)
    if (offset + bytes.byteLength > chunkBytes) return { kind: 'refused', reason: 'a part that lies outside of its chunk' }
    await mkdir(this.#staging, { recursive: true, mode: 0o700 })
    const key = keyOf(fragment)
    const staged = this.#staged.write(key, chunkBytes, pieceOf(fragment, bytes.byteLength), bytes)
    if (staged === undefined) return { kind: 'unfinished' }
    const verdict = await this.#put(fragment, () => createReadStream(staged.path), signal)
    this.#staged.discard(key)
    return verdict
  }

  /** Puts a chunk; once more if the application failed at it or took too long. Throws `source-failed` when nobody listens there. */
  async #put(fragment: IncomingFragment, body: RepeatableCall['body'], signal: AbortSignal): Promise<Verdict> {
    const call: RepeatableCall = {
      method: 'PUT',
      path: chunkPath(fragment.id),
      headers: headersOf(fragment),
      body,
      bytes: fragment.chunkBytes,
    }
    let reason = ''
    for (let attempts = 2; attempts > 0; attempts--) {
      try {
        const status = await this.#patiently(call, signal)
        if (status < 300) return { kind: 'restored' }
        reason = `the application answered with status ${status}`
        if (status < 500) break
      } catch (thrown) {
        signal.throwIfAborted()
        const error = asHeirloomError(thrown)
        if (error.code !== 'timeout' && error.code !== 'link-lost') throw error
        reason = error.message
      }
    }
    return { kind: 'refused', reason }
  }

  /**
   * A call to an application that may still be starting; answers the status. Throws `source-failed` when nobody listens there for
   * connectTimeoutMs, `timeout` when it doesn't answer, `link-lost` when it breaks off.
   */
  async #patiently(call: RepeatableCall, signal: AbortSignal): Promise<number> {
    const patience = Deadline.after(this.#clock, this.#connectTimeoutMs)
    for (;;) {
      try {
        return await this.#once(call, signal)
      } catch (thrown) {
        signal.throwIfAborted()
        if (asHeirloomError(thrown).code !== 'source-failed' || patience.passed) throw thrown
        await delay(this.#clock, 4 * retryFirstMs, signal)
      }
    }
  }

  async #once({ body, bytes, ...call }: RepeatableCall, signal: AbortSignal): Promise<number> {
    const limitMs = this.#callTimeoutMs + (1000 * bytes) / appBytesPerSecondMin
    using limited = Deadline.after(this.#clock, limitMs).signal(signal)
    try {
      using answer = await this.#client.call({ ...call, body: body() }, { signal: limited.signal })
      await drain(answer, appErrorBytesMax)
      return answer.status
    } catch (thrown) {
      signal.throwIfAborted()
      if (limited.signal.aborted)
        throw new HeirloomError('timeout', `the application did not answer within ${Math.round(limitMs)} ms`, { cause: thrown })
      throw thrown
    }
  }
}

function headersOf({ kind, version, expiresAtMs, chunkBytes }: IncomingFragment): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'content-length': String(chunkBytes),
    'heirloom-kind': kind,
    // A version is the application's own text; what a header can't carry travels encoded.
    ...(version !== '' && { 'heirloom-version': /^[!-~]([ -~]*[!-~])?$/.test(version) ? version : encodeURIComponent(version) }),
    ...(expiresAtMs > 0 && { 'heirloom-expires-at': String(expiresAtMs) }),
  }
}

function keyOf({ id, version, chunkBytes }: Pick<IncomingFragment, 'id' | 'version' | 'chunkBytes'>): string {
  return `${id}\0${version}\0${chunkBytes}`
}

function pieceOf({ id, offset }: Pick<IncomingFragment, 'id' | 'offset'>, length: number) {
  return { id, chunkAt: 0, at: offset, length }
}
