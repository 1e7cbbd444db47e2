// One shop as a process of its own: its HTTP interface on a loopback port, the app API on a Unix socket.
// It prints where it listens as one JSON line, and ends with whoever started it, when its standard input closes.

import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { createAdaptorServer, type ServerType } from '@hono/node-server'
import { systemClock } from '../../src/clock.ts'
import { serveAppSource } from '../../peer/app-api.ts'
import { Origin } from './origin.ts'
import { ShopState } from './shop-state.ts'
import { Shop } from './shop.ts'
import { createWarmSource } from './warm-api.ts'

const { values } = parseArgs({ options: { socket: { type: 'string' }, latency: { type: 'string', default: '20' } } })
const origin = new Origin({ clock: systemClock, latencyMs: Number(values.latency), connections: 24 })
const state = new ShopState({ origin, clock: systemClock })
const shop = new Shop(state)
const servers: ServerType[] = []

const web = createAdaptorServer({ fetch: shop.fetch })
servers.push(web)
web.listen(0, '127.0.0.1')
await once(web, 'listening')

if (values.socket !== undefined) {
  const source = createWarmSource(state, { onRestore: shop.noteRestore, onReady: shop.noteReady })
  const onWarning = (warning: Error) => console.error(`shop: ${warning.message}`)
  const warm = createAdaptorServer({ fetch: serveAppSource(source, { onWarning }) })
  servers.push(warm)
  warm.listen(values.socket)
  await once(warm, 'listening')
}

const address = web.address()
const port = typeof address === 'object' && address !== null ? address.port : 0
console.log(JSON.stringify({ event: 'listening', url: `http://127.0.0.1:${port}` }))

process.stdin.resume()
process.stdin.once('close', () => {
  for (const server of servers) {
    server.close()
    if ('closeAllConnections' in server) server.closeAllConnections()
  }
})
