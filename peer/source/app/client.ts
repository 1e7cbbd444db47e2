// The HTTP client for the app API (CONTRACT.md): over a Unix socket or a loopback port, on connections that are kept.
// undici's request rather than its fetch: a quarter of the cost a call, and the same under Node and Deno.

import type { Readable } from 'node:stream'
import { Agent, request } from 'undici'
import { asHeirloomError, HeirloomError } from '../../../src/errors.ts'
import { appCallsMax, appDialTimeoutMs } from '../../../src/limits/source.ts'
import type { WaitOptions } from '../source.ts'
import { AppToken } from './token.ts'

export interface AppCall {
  readonly method: 'GET' | 'PUT' | 'POST'
  /** Below `/warm/v1/`. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | Readable
}

/** Dispose it, read or not: an answer that is not read to its end costs its connection. */
export interface AppAnswer extends Disposable {
  readonly status: number
  /** The status is 200 to 299. */
  readonly ok: boolean
  /** Throws like the call itself when it breaks off. */
  readonly body: AsyncIterable<Uint8Array>
  header(name: string): string | undefined
}

export interface AppAddress {
  /** `unix:/path.sock` or `http://host:port`. */
  readonly url: string
  /** A file with the token that the application wants to see with each call. */
  readonly tokenFile?: string | undefined
}

/** Nobody listens there: the application isn't up yet, or is gone. */
const absentErrors: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'ENOTSOCK',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

export class AppClient implements AsyncDisposable {
  readonly #url: string
  readonly #origin: string
  readonly #agent: Agent
  readonly #token: AppToken | undefined

  constructor({ url, tokenFile }: AppAddress) {
    this.#url = url
    this.#token = tokenFile === undefined ? undefined : new AppToken(tokenFile)
    const socketPath = url.startsWith('unix:') ? url.slice('unix:'.length) : undefined
    this.#origin = socketPath === undefined ? url.replace(/\/$/, '') : 'http://localhost'
    const connect = { timeout: appDialTimeoutMs, ...(socketPath !== undefined && { socketPath }) }
    // The caller's signal is the only time-out: it knows how long this call may take.
    this.#agent = new Agent({ connections: appCallsMax, pipelining: 1, headersTimeout: 0, bodyTimeout: 0, connect })
  }

  /** One call. Throws `source-failed` when nobody listens there, `link-lost` when it broke off, the signal's reason when it is aborted. */
  async call(call: AppCall, { signal }: WaitOptions): Promise<AppAnswer> {
    if (this.#token === undefined) return await this.#call(call, {}, signal)
    const answer = await this.#call(call, await this.#token.headers(), signal)
    if (answer.status === 401) this.#token.forget()
    return answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy()
  }

  async #call({ method, path, headers = {}, body = '' }: AppCall, own: Record<string, string>, signal: AbortSignal): Promise<AppAnswer> {
    signal.throwIfAborted()
    const explain = (thrown: unknown) => this.#explain(thrown, signal)
    try {
      const answer = await request(`${this.#origin}/warm/v1/${path}`, {
        method,
        headers: { ...headers, ...own },
        body: body === '' ? null : body,
        signal,
        dispatcher: this.#agent,
      })
      const incoming = answer.body
      // A body that is dropped unread may still break, and nobody is left to hear of it.
      incoming.on('error', () => {})
      return {
        status: answer.statusCode,
        ok: answer.statusCode >= 200 && answer.statusCode < 300,
        header: (name) => [answer.headers[name] ?? []].flat()[0],
        body: explaining(incoming, explain),
        [Symbol.dispose]: () => void (incoming.readableEnded || incoming.destroy()),
      }
    } catch (thrown) {
      throw explain(thrown)
    }
  }

  #explain(thrown: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason
    const { message } = asHeirloomError(thrown)
    const systemCode = (thrown as { code?: unknown } | null)?.code
    if (!absentErrors.has(String(systemCode)))
      return new HeirloomError('link-lost', `the application at ${this.#url} broke off: ${message}`, { cause: thrown })
    const hint = 'does it run, and does it serve the app API there?'
    return new HeirloomError('source-failed', `the application at ${this.#url} can't be reached: ${message || String(systemCode)}`, {
      cause: thrown,
      hint,
    })
  }
}

async function* explaining(body: AsyncIterable<Uint8Array>, explain: (thrown: unknown) => unknown): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (thrown) {
    throw explain(thrown)
  }
}

/** Reads a short answer to its end, so that its connection can be used again; a long one is dropped. */
export async function drain({ body }: AppAnswer, bytesMax: number): Promise<void> {
  let bytes = 0
  for await (const piece of body) {
    bytes += piece.byteLength
    if (bytes > bytesMax) return
  }
}

export function chunkPath(id: string): string {
  return `chunks/${encodeURIComponent(id)}`
}
