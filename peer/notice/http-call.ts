// The port for HTTP that the metadata services are asked by, and its one implementation. Straight to the host: what a proxy would
// answer is about another machine. undici's request, as for applications: the same under Node and Deno.

import { Agent, request } from 'undici'
import { metadataConnectionsMax } from '../../src/limits/notice.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

export interface HttpAnswer {
  readonly status: number
  readonly body: AsyncIterable<Uint8Array>
  /** Leaving the loop over `body` early is allowed. */
  header(name: string): string | undefined
}

/** One request. Redirects are not followed. Throws whatever went wrong, and the signal's reason. */
export type HttpCall = (url: string, request: HttpRequest) => Promise<HttpAnswer>

export interface HttpCaller extends AsyncDisposable {
  readonly call: HttpCall
}

export function openHttpCaller(): HttpCaller {
  // The caller's signal is the only time-out: it knows how long this question may take.
  const dispatcher = new Agent({ connections: metadataConnectionsMax, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
  return {
    async call(url, { method, headers, body, signal }) {
      const answer = await request(url, { method, headers, body: body ?? null, signal, dispatcher })
      // A body that is dropped unread may still break, and nobody is left to hear of it.
      answer.body.on('error', () => {})
      return {
        status: answer.statusCode,
        body: answer.body,
        header: (name) => [answer.headers[name] ?? []].flat()[0],
      }
    },
    [Symbol.asyncDispose]: () => dispatcher.destroy(),
  }
}
