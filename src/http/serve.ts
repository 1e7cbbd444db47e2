// A fetch handler (Request → Response) on a Unix socket or on host:port, under Node and Deno alike.

import { createAdaptorServer } from '@hono/node-server'
import { mkdirSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createConnection, type Server } from 'node:net'
import { dirname } from 'node:path'
import { HeirloomError } from '../errors.ts'

export type FetchHandler = (request: Request) => Response | Promise<Response>

export interface HttpServer extends AsyncDisposable {
  /** `http://host:port`, or `unix:/path`. */
  readonly url: string
}

/** How long answers under way may take when the server closes. */
const closeTimeoutMs = 2_000

/** `place`: `host:port` (port 0 takes a free one; IPv6 in brackets) or `unix:/path`. Throws `config` when it can't listen there. */
export async function serveHttp(handler: FetchHandler, place: string): Promise<HttpServer> {
  const server = createAdaptorServer({ fetch: handler }) as Server & { closeAllConnections?(): void; closeIdleConnections?(): void }
  const socket = place.startsWith('unix:') ? place.slice('unix:'.length) : undefined
  try {
    if (socket !== undefined) await clearSocket(socket)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      if (socket !== undefined) server.listen(socket, resolve)
      else server.listen(portOf(place), hostOf(place), resolve)
    })
  } catch (thrown) {
    throw new HeirloomError('config', `can't listen on ${place}: ${(thrown as Error).message}`, {
      cause: thrown,
      hint: 'is another process there already, or may this user not listen there?',
    })
  }
  let closing: Promise<void> | undefined
  return {
    url:
      socket !== undefined
        ? place
        : `http://${hostOf(place).includes(':') ? `[${hostOf(place)}]` : hostOf(place)}:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]() {
      closing ??= closeServer(server).finally(() => socket !== undefined && rmSync(socket, { force: true }))
      return closing
    },
  }
}

async function closeServer(server: Server & { closeAllConnections?(): void; closeIdleConnections?(): void }): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections?.()
  const timer = setTimeout(() => server.closeAllConnections?.(), closeTimeoutMs)
  await closed
  clearTimeout(timer)
}

/** Removes the socket of a process that is gone; one that answers is another's and stays. */
async function clearSocket(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const isAlive = await new Promise<boolean>((resolve) => {
    const probe = createConnection(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
  if (isAlive) throw new Error('another process listens there')
  rmSync(path, { force: true })
}

function hostOf(place: string): string {
  return place.slice(0, place.lastIndexOf(':')).replace(/^\[|\]$/g, '') || '127.0.0.1'
}

function portOf(place: string): number {
  return Number(place.slice(place.lastIndexOf(':') + 1))
}
