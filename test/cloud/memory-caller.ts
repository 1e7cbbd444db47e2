// A cloud's metadata service without a network between: for tests that move the clock by hand.

import type { HttpCaller } from '../../peer/notice/http-call.ts'
import type { FakeCloud } from './fake-cloud.ts'

export function memoryCaller(cloud: FakeCloud): () => HttpCaller {
  return () => ({
    async call(url, { method, headers, body = '', signal }) {
      const { pathname, search } = new URL(url)
      const answer = await cloud.handle({ method, path: pathname + search, headers, body, signal })
      if (answer === undefined) throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
      return { status: answer.status, header: (name) => answer.headers[name], body: pieces(answer.text) }
    },
    async [Symbol.asyncDispose]() {},
  })
}

/** In two, so that a reader that takes the first for all is found. */
async function* pieces(text: string): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text)
  yield bytes.subarray(0, 1)
  yield bytes.subarray(1)
}
