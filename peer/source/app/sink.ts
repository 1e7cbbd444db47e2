// An application as a sink, over the app API: PUT chunk by chunk, metadata first, at most appCallsMax at a time, started in the order of the
// plan; then POST ready. A chunk is put when all of it is there.

import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { delay, systemClock, type Clock } from '../../../src/clock.ts'
import { Deadline } from '../../../src/deadline.ts'
import { asHeirloomError, HeirloomError } from '../../../src/errors.ts'
import { retryFirstMs } from '../../../src/limits/link.ts'
import { appBytesPerSecondMin, appCallsMax, appConnectTimeoutMs, appErrorBytesMax, chunkCallTimeoutMs } from '../../../src/limits/source.ts'
import { createChunkSink, type ChunkTarget, type Put, type WholeChunk } from '../chunk-sink.ts'
import type { Sink, SinkEnd, WaitOptions } from '../source.ts'
import { AppClient, chunkPath, drain, type AppCall } from './client.ts'

export interface AppSinkOptions {
  readonly name: string
  /** `unix:/path.sock` or `http://host:port`. */
  readonly url: string
  /** A file with the token that the application wants to see with each call. */
  readonly tokenFile?: string | undefined
  /** A folder of this sink's own, for chunks that come in parts. It is made when it is needed, and removed at the end. */
  readonly staging: string
  /** How long an application that isn't there yet is waited for. */
  readonly connectTimeoutMs?: number | undefined
  /** How long one call may take, beside the time that its bytes take at appBytesPerSecondMin. */
  readonly callTimeoutMs?: number | undefined
  readonly clock?: Clock
}

export function createAppSink(options: AppSinkOptions): Sink {
  const { name, staging, clock } = options
  return createChunkSink({ name, kind: 'app', target: new AppTarget(options), staging, putsMax: appCallsMax, clock })
}

/** A call whose body can be made again for another attempt. */
type RepeatableCall = Omit<AppCall, 'body'> & { readonly body: () => string | Uint8Array | Readable; readonly bytes: number }

class AppTarget implements ChunkTarget {
  readonly #client: AppClient
  readonly #clock: Clock
  readonly #connectTimeoutMs: number
  readonly #callTimeoutMs: number

  constructor({ url, tokenFile, connectTimeoutMs, callTimeoutMs, clock = systemClock }: AppSinkOptions) {
    this.#client = new AppClient({ url, tokenFile })
    this.#clock = clock
    this.#connectTimeoutMs = connectTimeoutMs ?? appConnectTimeoutMs
    this.#callTimeoutMs = callTimeoutMs ?? chunkCallTimeoutMs
  }

  /** Puts a chunk; once more if the application failed at it or took too long. Throws `source-failed` when nobody listens there. */
  async put(chunk: WholeChunk, { signal }: WaitOptions): Promise<Put> {
    const { id, body, chunkBytes } = chunk
    const call: RepeatableCall = {
      method: 'PUT',
      path: chunkPath(id),
      headers: headersOf(chunk),
      body: () => (body instanceof Uint8Array ? body : createReadStream(body.path)),
      bytes: chunkBytes,
    }
    let reason = ''
    for (let attempts = 2; attempts > 0; attempts--) {
      try {
        const status = await this.#patiently(call, signal)
        if (status < 300) return 'restored'
        reason = `the application answered with status ${status}`
        if (status < 500) break
      } catch (thrown) {
        signal.throwIfAborted()
        const error = asHeirloomError(thrown)
        if (error.code !== 'timeout' && error.code !== 'link-lost') throw error
        reason = error.message
      }
    }
    return { refused: reason }
  }

  async finish({ receipt }: SinkEnd, { signal }: WaitOptions): Promise<void> {
    const headers = { 'content-type': 'application/json' }
    const status = await this.#patiently({ method: 'POST', path: 'ready', body: () => receipt, bytes: receipt.length, headers }, signal)
    if (status >= 300) throw new HeirloomError('source-failed', `the application answered "ready" with status ${status}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]()
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

function headersOf({ kind, version, expiresAtMs, chunkBytes }: WholeChunk): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'content-length': String(chunkBytes),
    'heirloom-kind': kind,
    // A version is the application's own text; what a header can't carry travels encoded.
    ...(version !== '' && { 'heirloom-version': /^[!-~]([ -~]*[!-~])?$/.test(version) ? version : encodeURIComponent(version) }),
    ...(expiresAtMs > 0 && { 'heirloom-expires-at': String(expiresAtMs) }),
  }
}
