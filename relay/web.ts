// The relay's HTTP interface: health, metrics, status, events and a page for people. Reads only; nothing here changes anything.

import { eventStream, type StreamedEvent } from '../src/http/event-stream.ts'
import type { FetchHandler } from '../src/http/serve.ts'
import { eventWatchersMax } from '../src/limits/relay.ts'
import { createRelayMetrics } from './metrics.ts'
import type { RelayCore } from './relay-core.ts'
import { statusPage } from './status-page.ts'
import type { HandoffRecord } from './store/store.ts'

/** The page brings all it needs; nothing from elsewhere is loaded, whatever an id might say. */
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"

/** A fetch handler for the paths of CONTRACT.md; whatever isn't GET or HEAD is refused. */
export function createRelayWeb(core: RelayCore, peerId: string): FetchHandler {
  const metrics = createRelayMetrics(core)
  let watchers = 0
  const watch = (listener: (event: StreamedEvent) => void): Disposable => {
    const listening = core.listen((event, fields) => listener({ ...fields, event }))
    let isOver = false
    watchers++
    return {
      [Symbol.dispose]() {
        if (!isOver) watchers--
        isOver = true
        listening[Symbol.dispose]()
      },
    }
  }
  const routes: Record<string, (isHead: boolean) => Response | Promise<Response>> = {
    '/livez': () => new Response('ok\n'),
    '/readyz': () => (core.draining ? new Response('draining\n', { status: 503 }) : new Response('ok\n')),
    '/metrics': async () => new Response(await metrics.metrics(), { headers: { 'content-type': metrics.contentType } }),
    '/v1/status': () => Response.json(relayStatus(core, peerId), { headers: { 'cache-control': 'no-store' } }),
    '/v1/events'(isHead) {
      if (isHead) return new Response(null, { headers: { 'content-type': 'text/event-stream' } })
      if (watchers >= eventWatchersMax) return new Response('too many watch already\n', { status: 503 })
      return eventStream([], watch)
    },
    '/': () => new Response(statusPage, { headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': pagePolicy } }),
  }
  return (request) => {
    const route = routes[new URL(request.url).pathname]
    if (route === undefined) return new Response('not found\n', { status: 404 })
    if (request.method === 'GET' || request.method === 'HEAD') return route(request.method === 'HEAD')
    return new Response('only GET is served here\n', { status: 405, headers: { allow: 'GET, HEAD' } })
  }
}

/** What an operator wants to see at a glance. Peers and handoffs are named by their ids: the relay knows nothing else. */
export function relayStatus(core: RelayCore, peerId: string) {
  const records = core.rendezvous.records()
  return {
    peerId,
    draining: core.draining,
    peers: core.presence.linked,
    waiting: core.rendezvous.waiting,
    transfers: { puts: core.transfers.puts, gets: core.transfers.gets },
    dataSockets: dataSockets(core),
    stored: { bytes: core.packs.bytes(), handoffs: records.length },
    served: { packs: core.counts.packsServed, bytes: core.counts.bytesServed },
    refused: Object.fromEntries(core.counts.refusals),
    handoffs: newest(records).map((record) => ({
      handoff: record.key.handoff,
      pool: record.key.pool.slice(0, 16),
      predecessor: record.predecessor,
      heir: record.heir ?? null,
      epoch: record.epoch,
      packs: core.packs.have(record.key).size,
      packsInAll: record.packs ?? null,
      bytes: core.packs.bytes(record.key),
      finished: record.finished,
      expiresAtMs: record.expiresAtMs,
    })),
  }
}

/** Of the data port; null without one. */
function dataSockets({ data }: RelayCore) {
  if (data?.port === undefined) return null
  const { port, pending, accepted, refused } = data.port
  return { port, pending, accepted, refused }
}

/** More than anybody reads; the metrics count all. */
const statusHandoffs = 200

function newest(records: HandoffRecord[]): HandoffRecord[] {
  return records.sort((a, b) => b.offeredAtMs - a.offeredAtMs).slice(0, statusHandoffs)
}
