// The relay's HTTP interface, as an operator's tools see it.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { eventsKeptMax } from '../../src/limits/agent.ts'
import { eventWatchersMax } from '../../src/limits/relay.ts'
import { serveHttp } from '../../src/http/serve.ts'
import { createRelayWeb } from '../../relay/web.ts'
import { settle, TestRelay } from '../helpers/relay-peer.ts'
import { frameType } from '../../src/wire/frame.ts'

const test = suite('relay web')

function webOf(relay: TestRelay): (path: string, method?: string) => Promise<Response> {
  const handler = createRelayWeb(relay.relay.core, 'the relay')
  return async (path, method = 'GET') => handler(new Request(`http://relay${path}`, { method }))
}

/** Reads a stream of events until one of this name has come. */
async function readUntil(response: Response, event: string): Promise<string> {
  let text = ''
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  while (!text.includes(`event: ${event}\n`)) {
    const { value, done } = await reader.read()
    if (done) break
    text += value
  }
  await reader.cancel()
  return text
}

test('health: alive, and ready until it drains', async () => {
  await using relay = new TestRelay()
  const web = webOf(relay)
  assert.is((await web('/livez')).status, 200)
  assert.is((await web('/readyz')).status, 200)
  relay.relay.core.draining = true
  assert.is((await web('/livez')).status, 200)
  assert.is((await web('/readyz')).status, 503)
})

test('status and metrics count peers, handoffs, bytes and refusals', async () => {
  await using relay = new TestRelay()
  const web = webOf(relay)
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  const put = predecessor.transfer({ handoff, role: 'sends' })
  put.pack(0, 1000)
  await put.next(frameType.acknowledge)
  await heir.claim(handoff)
  await predecessor.claim(handoff)
  const status = (await (await web('/v1/status')).json()) as Record<string, unknown>
  const { handoffs, ...rest } = status
  assert.equal(rest, {
    peerId: 'the relay',
    draining: false,
    peers: 2,
    waiting: 0,
    transfers: { puts: 1, gets: 0 },
    dataSockets: null,
    stored: { bytes: 1000, handoffs: 1 },
    served: { packs: 0, bytes: 0 },
    refused: { 'not-found': 1 },
  })
  const [row] = handoffs as [Record<string, unknown>]
  assert.is(row['handoff'], Buffer.from(handoff).toString('hex'))
  assert.is(row['epoch'], 1)
  assert.is(row['packs'], 1)
  const metrics = await (await web('/metrics')).text()
  for (const line of ['peers 2', 'handoffs 1', 'stored_bytes 1000', 'packs_stored_total 1', 'refusals_total{code="not-found"} 1']) {
    assert.ok(metrics.includes(`heirloom_relay_${line}\n`), line)
  }
})

test('status names no more handoffs than anybody reads, the newest first', async () => {
  await using relay = new TestRelay()
  const predecessor = await relay.peer()
  for (let count = 0; count < 210; count++) {
    relay.clock.advance(1)
    await predecessor.offer()
  }
  const { handoffs, stored } = (await (await webOf(relay)('/v1/status')).json()) as {
    handoffs: { expiresAtMs: number }[]
    stored: { handoffs: number }
  }
  assert.is(stored.handoffs, 210)
  assert.is(handoffs.length, 200)
  assert.ok(handoffs[0]!.expiresAtMs > handoffs.at(-1)!.expiresAtMs)
})

test('events tell what happens as it happens', async () => {
  await using relay = new TestRelay()
  const response = await webOf(relay)('/v1/events')
  assert.is(response.headers.get('content-type'), 'text/event-stream')
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  await heir.wait()
  await predecessor.offer()
  const text = await readUntil(response, 'assigned')
  assert.ok(text.includes('event: enrolled\n'))
  assert.match(text, /event: assigned\ndata: \{.*"handoff":"[0-9a-f]{32}".*\}\n\n/)
})

test('a reader of events that does not read is cut off, and one that goes is forgotten', async () => {
  await using relay = new TestRelay()
  const web = webOf(relay)
  const stuck = await web('/v1/events')
  for (let count = 0; count < 3 * eventsKeptMax; count++) relay.relay.core.emit('left', {})
  const text = await readUntil(stuck, 'never')
  assert.ok(text.split('\n\n').length <= 2 * eventsKeptMax + 2)
  for (let count = 0; count < eventWatchersMax; count++) assert.is((await web('/v1/events')).status, 200)
  const refused = await web('/v1/events')
  assert.is(refused.status, 503)
})

test('nothing but GET and HEAD is served, and nothing at other paths', async () => {
  await using relay = new TestRelay()
  const web = webOf(relay)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) assert.is((await web('/v1/status', method)).status, 405)
  assert.is((await web('/v1/events', 'HEAD')).body, null)
  assert.is((await web('/v2/status')).status, 404)
  assert.is((await web('/%2e%2e/%2e%2e/etc/passwd')).status, 404)
})

test('the page takes nothing from elsewhere and writes ids as text', async () => {
  await using relay = new TestRelay()
  const response = await webOf(relay)('/')
  const page = await response.text()
  assert.match(response.headers.get('content-security-policy')!, /default-src 'none'/)
  assert.not.match(page, /https?:\/\//)
  assert.not.match(page, /innerHTML/)
})

test('over a socket: all paths answer, HEAD has no body, and the server closes', async () => {
  await using relay = new TestRelay()
  await using server = await serveHttp(createRelayWeb(relay.relay.core, 'the relay'), '127.0.0.1:0')
  for (const path of ['/', '/livez', '/readyz', '/metrics', '/v1/status']) {
    assert.is((await fetch(`${server.url}${path}`)).status, 200, path)
    assert.is(await (await fetch(`${server.url}${path}`, { method: 'HEAD' })).text(), '')
  }
  const events = await fetch(`${server.url}/v1/events`)
  await relay.peer()
  assert.ok((await readUntil(events, 'enrolled')).includes('"peer"'))
  await settle()
})

test.run()
