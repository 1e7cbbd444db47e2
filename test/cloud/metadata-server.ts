// A metadata service that plays a cloud, on a port of the loopback.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FakeCloud } from './fake-cloud.ts'

export interface MetadataServer extends AsyncDisposable {
  readonly url: string
}

interface MetadataServerOptions {
  /** 0 takes a free one. */
  readonly port?: number
  /** Answers requests of its own before the cloud does; undefined leaves them to the cloud. */
  readonly before?: (method: string, path: string, body: string) => string | undefined
}

export async function serveCloud(cloud: FakeCloud, { port = 0, before }: MetadataServerOptions = {}): Promise<MetadataServer> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await textOf(request)
    const { method = 'GET', url: path = '/' } = request
    const own = before?.(method, path, body)
    if (own !== undefined) return void response.end(own)
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const headers = request.headers as Record<string, string | undefined>
    const said = await cloud.handle({ method, path, headers, body, signal: gone.signal })
    if (said === undefined) return void response.destroy()
    response.sendDate = false
    response.writeHead(said.status, said.headers).end(said.text)
  }
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of request.setEncoding('utf8')) {
    text += piece as string
    if (text.length > 64 * 1024) throw new Error('too long')
  }
  return text
}
