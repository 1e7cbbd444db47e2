// Dialling a data socket.

import { connect, type Socket, type TcpNetConnectOpts } from 'node:net'
import { dataProbeTimeoutMs } from '../limits/lane.ts'
import type { Clock } from '../clock.ts'

export interface DataAddress {
  readonly host: string
  readonly port: number
}

/** Whoever reads from a socket into memory of its own. */
export interface SocketReader {
  space(): Uint8Array
  filled(bytes: number): void
}

/** Begins to connect. With a reader, what comes goes straight into its memory; without one the socket flows as usual. */
export function dialData({ host, port }: DataAddress, reader?: SocketReader): Socket {
  const where: TcpNetConnectOpts = { host, port, noDelay: true }
  if (reader === undefined) return connect(where)
  return connect({
    ...where,
    onread: {
      buffer: () => reader.space(),
      callback: (bytes) => {
        reader.filled(bytes)
        return true
      },
    },
  })
}

/** Whether somebody takes connections there. Never throws; false as soon as the signal ends. */
export function probeData(address: DataAddress, clock: Clock, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...address })
    const settle = (answer: boolean) => {
      cancel()
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      resolve(answer)
    }
    const onAbort = () => settle(false)
    const cancel = clock.after(dataProbeTimeoutMs, onAbort)
    socket.once('connect', () => settle(true))
    socket.on('error', onAbort)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}
