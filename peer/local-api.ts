// The agent's local API (CONTRACT.md): what it is doing, and "hand off now". A fetch handler without state of its own.

import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { eventStream } from '../src/http/event-stream.ts'
import type { FetchHandler } from '../src/http/serve.ts'
import { apiBodyBytesMax } from '../src/limits/agent.ts'
import type { EventLog } from './events.ts'
import type { HandoffResult } from './result.ts'

export interface AgentView {
  readonly events: EventLog
  /** Why the peer is ready, or undefined. */
  ready(): string | undefined
  status(): object
  receipt(): string | undefined
  metrics(): Promise<{ text: string; contentType: string }>
  /** Hands off now; resolves when it is over. */
  handOff(notice: { reason: string; deadlineMs: number }): Promise<HandoffResult>
}

/** What a caller who doesn't say gives us. */
const defaultDeadlineMs = 120_000
const deadlineMsMax = 24 * 60 * 60 * 1000

export function createLocalApi(agent: AgentView): FetchHandler {
  const reads: Record<string, () => Response | Promise<Response>> = {
    '/livez': () => new Response('ok\n'),
    '/readyz': () => {
      const why = agent.ready()
      return why === undefined ? new Response('warming\n', { status: 503 }) : new Response(`ready: ${why}\n`)
    },
    '/metrics': async () => {
      const { text, contentType } = await agent.metrics()
      return new Response(text, { headers: { 'content-type': contentType } })
    },
    '/v1/status': () => Response.json(agent.status(), { headers: { 'cache-control': 'no-store' } }),
    '/v1/events': () => eventStream(agent.events.recent(), (listener) => agent.events.listen(listener)),
    '/v1/receipt': () => {
      const receipt = agent.receipt()
      if (receipt === undefined) return Response.json({ code: 'not-found', message: 'there is no receipt yet' }, { status: 404 })
      return new Response(receipt, { headers: { 'content-type': 'application/json' } })
    },
  }
  return async (request) => {
    const { pathname } = new URL(request.url)
    try {
      if (request.method === 'POST' && pathname === '/v1/handoff') return Response.json(await agent.handOff(await readNotice(request)))
      const read = reads[pathname]
      if (read === undefined) return Response.json({ code: 'not-found', message: `nothing is served at ${pathname}` }, { status: 404 })
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return Response.json({ code: 'usage', message: 'only GET is served here' }, { status: 405 })
      return await read()
    } catch (thrown) {
      const { code, message, hint, status } = asHeirloomError(thrown)
      const http = code === 'usage' || code === 'malformed' ? 400 : code === 'too-large' ? 413 : code === 'busy' ? 409 : 500
      return Response.json({ code, status, message, ...(hint !== undefined && { hint }) }, { status: http })
    }
  }
}

async function readNotice(request: Request): Promise<{ reason: string; deadlineMs: number }> {
  const text = await boundedText(request)
  let fields: Record<string, unknown> = {}
  if (text.trim() !== '') {
    try {
      const value: unknown = JSON.parse(text)
      if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object')
      fields = value as Record<string, unknown>
    } catch (thrown) {
      throw new HeirloomError('malformed', 'the body is not a JSON object', {
        cause: thrown,
        hint: 'such as {"reason":"kernel update","deadlineMs":120000}',
      })
    }
  }
  const { reason = 'asked for over the local API', deadlineMs = defaultDeadlineMs } = fields
  if (typeof reason !== 'string' || reason.length > 500) throw new HeirloomError('usage', 'reason is a text of at most 500 characters')
  if (typeof deadlineMs !== 'number' || !(deadlineMs > 0) || deadlineMs > deadlineMsMax) {
    throw new HeirloomError('usage', `deadlineMs is a number of milliseconds, at most ${deadlineMsMax}`)
  }
  return { reason, deadlineMs }
}

async function boundedText(request: Request): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of request.body ?? []) {
    text += decoder.decode(piece, { stream: true })
    if (text.length > apiBodyBytesMax) throw new HeirloomError('too-large', `a body has at most ${apiBodyBytesMax} bytes`)
  }
  return text + decoder.decode()
}
