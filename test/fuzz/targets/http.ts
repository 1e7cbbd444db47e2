// The three HTTP interfaces over real sockets: requests of any bytes to the agent's local API and to the relay's pages, and answers of any bytes
// from an application to the agent.

import { createServer, connect, type Server, type Socket } from 'node:net'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createLocalApi } from '../../../peer/local-api.ts'
import { EventLog } from '../../../peer/events.ts'
import { createAppSink } from '../../../peer/source/app/sink.ts'
import { createAppSource } from '../../../peer/source/app/source.ts'
import { isLeftOut } from '../../../src/chunk/chunk.ts'
import { createRelay } from '../../../relay/relay.ts'
import { createMemoryPackStore } from '../../../relay/store/memory-pack-store.ts'
import { createMemoryRecordStore } from '../../../relay/store/memory-record-store.ts'
import { createRelayWeb } from '../../../relay/web.ts'
import { systemClock } from '../../../src/clock.ts'
import { asHeirloomError } from '../../../src/errors.ts'
import { serveHttp, type FetchHandler, type HttpServer } from '../../../src/http/serve.ts'
import { must, utf8, type Target } from '../target.ts'

/** No answer takes longer: what does is a hang. */
const hangMs = 5_000

function socketPath(name: string): string {
  return join(tmpdir(), `heirloom-fuzz-${process.pid}-${name}-${Math.random().toString(36).slice(2)}.sock`)
}

/** Sends bytes and ends; resolves with the first line of what came back. */
function talk(path: string, input: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let said = ''
    const timer = setTimeout(() => {
      reject(new Error('the server neither answers nor closes'))
      socket.destroy()
    }, hangMs)
    const settle = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(said.split('\r\n')[0]!)
    }
    socket.on('data', (data) => {
      if (said.length < 64) said += data.toString('latin1', 0, 64)
      // A stream of events never ends of itself.
      if (said.length >= 64) settle()
    })
    socket.on('error', settle)
    socket.on('close', settle)
    socket.end(input)
  })
}

const requests = [
  'GET /livez HTTP/1.1\r\nhost: a\r\n\r\n',
  'GET /v1/status HTTP/1.1\r\nhost: 127.0.0.1:80\r\naccept: */*\r\n\r\n',
  'HEAD /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
  'POST /v1/handoff HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 37\r\n\r\n{"reason":"kernel","deadlineMs":1000}',
  'POST /v1/handoff HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"dea\r\n10\r\ndlineMs":1000}  \r\n0\r\n\r\n',
  'POST /v1/demand HTTP/1.1\r\nhost: a\r\ncontent-length: 31\r\n\r\n{"source":"a","chunks":["x/1"]}',
  'GET /v1/events HTTP/1.1\r\nhost: a\r\nlast-event-id: 3\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n',
].map(utf8)

interface Handled {
  readonly handler: FetchHandler
  readonly close?: () => PromiseLike<void>
}

/** Bytes to an HTTP server of ours. A status of 500 is a finding: nobody can make us fail by asking. */
function server(name: string, open: () => Handled): Target {
  const path = socketPath(name.replaceAll(' ', '-'))
  let served: Promise<HttpServer> | undefined
  let handled: Handled | undefined
  return {
    name,
    shape: 'text',
    share: 0.01,
    bytesMax: 2000,
    samples: () => requests,
    async take(input) {
      handled ??= open()
      served ??= serveHttp(handled.handler, `unix:${path}`)
      await served
      const line = await talk(path, input)
      must(line === '' || line.startsWith('HTTP/1.1 '), 'an answer that is no HTTP')
      must(!line.startsWith('HTTP/1.1 500'), 'a request that makes it fail')
      return line
    },
    async close() {
      await (await served)?.[Symbol.asyncDispose]()
      await handled?.close?.()
    },
  }
}

function localApi(): Handled {
  const events = new EventLog(systemClock)
  const handler = createLocalApi({
    events,
    ready: () => undefined,
    status: () => ({ phase: 'guarding' }),
    receipt: () => undefined,
    metrics: async () => ({ text: 'x 1\n', contentType: 'text/plain' }),
    warming: {
      demand: async ({ ids }) => ({ restored: [...ids], absent: [], late: [] }),
      takeMisses: (count) => ({ granted: count, retryAfterMs: 0 }),
    },
    handOff: async ({ deadlineMs }) => {
      must(deadlineMs > 0 && deadlineMs <= 86_400_000, 'a deadline out of its bounds')
      return { event: 'result', outcome: 'delivered' } as never
    },
  })
  return { handler }
}

function relayPages(): Handled {
  const relay = createRelay({
    self: 'a relay',
    packs: createMemoryPackStore(),
    records: createMemoryRecordStore(),
    pools: [],
    quota: {},
    clock: systemClock,
    leaseMs: 10_000,
    keepMsMax: 1_000_000,
    onWarning: () => {},
  })
  return { handler: createRelayWeb(relay.core, 'a peer'), close: () => relay[Symbol.asyncDispose]() }
}

const inventoryAnswer =
  'HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n{"id":"a","kind":"metadata","bytes":3}\n{"id":"b","readProbability":0.5}\n'
const chunkAnswer = 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\nheirloom-version: 7\r\n\r\nabc'

/** An application that answers every request with the same bytes. What it does wrong costs its own state and nothing else. */
function evilApplication(): Target {
  const path = socketPath('app')
  let answer: Uint8Array = new Uint8Array(0)
  let listening: Promise<Server> | undefined
  const sockets = new Set<Socket>()
  const listen = () =>
    new Promise<Server>((resolve) => {
      const app = createServer((socket) => {
        sockets.add(socket)
        socket.on('close', () => sockets.delete(socket))
        socket.on('error', () => {})
        socket.on('data', () => socket.end(answer))
      })
      app.listen(path, () => resolve(app))
    })
  return {
    name: 'answers of an application',
    shape: 'text',
    share: 0.005,
    bytesMax: 2000,
    samples: () =>
      [
        inventoryAnswer,
        chunkAnswer,
        'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n',
        'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      ].map(utf8),
    async take(input) {
      answer = input
      await (listening ??= listen())
      await using source = createAppSource({ name: 'evil', url: `unix:${path}`, timeoutMs: 2_000, chunkTimeoutMs: 500 })
      await using sink = createAppSink({
        name: 'evil',
        url: `unix:${path}`,
        staging: `${path}.staging`,
        connectTimeoutMs: 100,
        callTimeoutMs: 500,
      })
      const signal = AbortSignal.timeout(hangMs)
      const answers = [await refusalOf(readAll(source, signal)), await refusalOf(restoreOne(sink, signal))]
      must(!signal.aborted, 'an application that holds the agent up')
      return answers.join()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      const app = await listening
      if (app !== undefined) await new Promise((resolve) => app.close(resolve))
      rmSync(path, { force: true })
    },
  }
}

async function readAll(source: ReturnType<typeof createAppSource>, signal: AbortSignal): Promise<string> {
  const query = { handoff: 'ab', reason: 'fuzz', deadlineMs: 9_000, rateBytesPerSecond: 1, budgetBytes: 1 }
  const chunks = [{ id: 'always', kind: 'data' as const }]
  for await (const batch of source.inventory(query, { signal })) chunks.push(...(batch.slice(0, 3) as typeof chunks))
  let parts = 0
  for await (const batch of source.read(chunks.slice(0, 4), { signal })) parts += batch.filter((part) => !isLeftOut(part)).length
  return `${Math.min(chunks.length, 3)} ${Math.min(parts, 3)}`
}

async function restoreOne(sink: ReturnType<typeof createAppSink>, signal: AbortSignal): Promise<string> {
  const bytes = utf8('abc')
  const fragment = {
    id: 'a',
    kind: 'data' as const,
    offset: 0,
    chunkBytes: 3,
    bytes,
    version: '',
    expiresAtMs: 0,
    attributes: new Uint8Array(0),
  }
  const { unfinished, refused } = await sink.restore([fragment], { signal })
  must(unfinished.length === 0, 'a whole chunk that is neither restored nor refused')
  await sink.finish({ complete: true, receipt: '{}' }, { signal })
  return String(1 - refused.length)
}

async function refusalOf(work: Promise<string>): Promise<string> {
  return work.catch((thrown: unknown) => {
    const { code } = asHeirloomError(thrown)
    if (code === 'internal') throw thrown
    return code
  })
}

export function httpTargets(): readonly Target[] {
  return [server('requests to the agent', localApi), server('requests to the relay', relayPages), evilApplication()]
}
