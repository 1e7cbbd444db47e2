// What a plain TCP socket of the runtime moves: nothing is sealed, framed or acknowledged.

import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Tell } from './bare.ts'
import { randomBodies } from './memory-state.ts'
import { Meter } from './meter.ts'

/** Listens on loopback for one connection, drops what comes, and tells at its end how fast it came. */
export async function receiveTcp(tell: Tell): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  tell('listening', { port: (server.address() as AddressInfo).port })
  const [socket] = (await once(server, 'connection')) as [Socket]
  server.close()
  const meter = new Meter()
  socket.on('data', (piece) => meter.add(piece.byteLength))
  await once(socket, 'end')
  socket.end()
  tell('rate', { megabytesPerSecond: meter.megabytesPerSecond, bytes: meter.bytes })
}

/** Sends `count` MiB as fast as the socket takes them. */
export async function sendTcp(port: number, count: number, signal: AbortSignal): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  const bodies = randomBodies()
  for (let sent = 0; sent < count; sent++) {
    if (!socket.write(bodies[sent % bodies.length]!)) await once(socket, 'drain', { signal })
  }
  socket.end()
  socket.resume()
  await once(socket, 'close', { signal })
}
