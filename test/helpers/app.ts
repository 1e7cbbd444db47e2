// Real HTTP servers on Unix sockets for the app API's tests: one that behaves, and raw ones that don't.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createRawServer, type Server, type Socket } from 'node:net'
import { makeTemp } from './temp.ts'

export interface App extends AsyncDisposable {
  readonly url: string
  /** Stops listening and closes what is open, as a dying process does. */
  die(): Promise<void>
}

export type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void

/** Serves until disposed; the answer may well never end its response. */
export async function serveApp(answer: Answer): Promise<App> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => answer(request, response, Buffer.concat(pieces)))
    request.on('error', () => {})
    response.on('error', () => {})
  })
  return listening(server)
}

/** For what no HTTP server would send: `talk` gets the socket when the first bytes have come. */
export async function serveRaw(talk: (socket: Socket, request: string) => void): Promise<App> {
  const server = createRawServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (piece) => talk(socket, String(piece)))
  })
  return listening(server)
}

async function listening(server: Server): Promise<App> {
  const temp = await makeTemp()
  const path = temp.at('app.sock')
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const die = async () => {
    if (!server.listening) return
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return {
    url: `unix:${path}`,
    die,
    async [Symbol.asyncDispose]() {
      await die()
      await temp[Symbol.asyncDispose]()
    },
  }
}

/** The id of a chunk's call; undefined for another call. */
export function chunkIdOf({ url = '' }: IncomingMessage): string | undefined {
  const prefix = '/warm/v1/chunks/'
  return url.startsWith(prefix) ? decodeURIComponent(url.slice(prefix.length)) : undefined
}

/** A clock whose time only moves when a test says so. */
export interface HandClock {
  nowMs(): number
  monotonicMs(): number
  after(delayMs: number, run: () => void): () => void
  /** Lets time pass, and runs what is due. */
  pass(ms: number): void
  /** Resolves when something waits for this clock. */
  waitedFor(): Promise<void>
}

export function handClock(startMs = 1_800_000_000_000): HandClock {
  let passedMs = 0
  const timers = new Set<{ atMs: number; run: () => void }>()
  let onTimer = () => {}
  return {
    nowMs: () => startMs + passedMs,
    monotonicMs: () => passedMs,
    after(delayMs, run) {
      const timer = { atMs: passedMs + delayMs, run }
      timers.add(timer)
      onTimer()
      return () => void timers.delete(timer)
    },
    pass(ms) {
      passedMs += ms
      for (const timer of [...timers].sort((a, b) => a.atMs - b.atMs)) {
        if (timer.atMs <= passedMs && timers.delete(timer)) timer.run()
      }
    },
    async waitedFor() {
      if (timers.size > 0) return
      await new Promise<void>((resolve) => (onTimer = resolve))
    },
  }
}
