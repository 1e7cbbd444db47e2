// The agent's local API (CONTRACT.md): what it is doing, and "hand off now". A fetch handler without state of its own.

import { asHeirloomError, type ErrorCode } from '../src/errors.ts'
import { eventStream } from '../src/http/event-stream.ts'
import type { FetchHandler } from '../src/http/serve.ts'
import { readDemand, readMisses, readNotice } from './api-bodies.ts'
import type { EventLog } from './events.ts'
import type { HandoffResult } from './result.ts'
import type { Warming } from './warming.ts'

export interface AgentView {
  readonly events: EventLog
  /** Why the peer is ready, or undefined. */
  ready(): string | undefined
  status(): object
  receipt(): string | undefined
  metrics(): Promise<{ text: string; contentType: string }>
  /** Hands off now; resolves when it is over. */
  handOff(notice: { reason: string; deadlineMs: number }): Promise<HandoffResult>
  readonly warming: Pick<Warming, 'demand' | 'takeMisses'>
}

const httpStatus: Partial<Record<ErrorCode, number>> = { usage: 400, malformed: 400, 'not-found': 404, busy: 409, 'too-large': 413 }

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
  const writes: Record<string, (request: Request) => Promise<object>> = {
    '/v1/handoff': async (request) => await agent.handOff(await readNotice(request)),
    '/v1/demand': async (request) => await agent.warming.demand(await readDemand(request), request.signal),
    '/v1/misses': async (request) => agent.warming.takeMisses(await readMisses(request)),
  }
  return async (request) => {
    const { pathname } = new URL(request.url)
    try {
      const write = request.method === 'POST' ? writes[pathname] : undefined
      if (write !== undefined) return Response.json(await write(request))
      const read = reads[pathname]
      if (read === undefined) return Response.json({ code: 'not-found', message: `nothing is served at ${pathname}` }, { status: 404 })
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return Response.json({ code: 'usage', message: 'only GET is served here' }, { status: 405 })
      return await read()
    } catch (thrown) {
      const { code, message, hint, status } = asHeirloomError(thrown)
      const http = httpStatus[code] ?? 500
      return Response.json({ code, status, message, ...(hint !== undefined && { hint }) }, { status: http })
    }
  }
}
