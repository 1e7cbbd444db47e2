// A data socket in the hands of somebody who may do anything.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { dataPreamble } from '../../src/lane/data-port.ts'

export interface RawSocket {
  readonly socket: Socket
  /** Resolves when it is over, with how much the other side has said. */
  readonly heardBytes: Promise<number>
}

/** Connects and sends these bytes, or nothing yet. */
export async function rawSocket(port: number, ...bytes: readonly Uint8Array[]): Promise<RawSocket> {
  const socket = connect({ host: '127.0.0.1', port })
  let heard = 0
  const over = Promise.withResolvers<number>()
  socket.on('data', (data) => (heard += data.byteLength))
  socket.on('error', () => {})
  socket.once('close', () => over.resolve(heard))
  await once(socket, 'connect')
  if (bytes.length > 0) socket.write(Buffer.concat(bytes))
  return { socket, heardBytes: over.promise }
}

/** Connects and shows a token. */
export function showToken(port: number, token: Uint8Array, ...more: readonly Uint8Array[]): Promise<RawSocket> {
  return rawSocket(port, dataPreamble(token), ...more)
}
