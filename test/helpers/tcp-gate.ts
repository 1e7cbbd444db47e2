// A port in front of another one, whose link can be cut and let go on: a partition for one peer.

import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export class TcpGate implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isOpen = true

  private constructor(server: Server, to: number) {
    this.#server = server
    server.on('connection', (socket) => {
      if (this.#isOpen) this.#join(socket, connect({ host: '127.0.0.1', port: to }))
      else socket.resetAndDestroy()
    })
  }

  static async open(to: number): Promise<TcpGate> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new TcpGate(server, to)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Nobody gets through, and what was connected is broken. */
  shut(): void {
    this.#isOpen = false
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  unshut(): void {
    this.#isOpen = true
  }

  #join(from: Socket, to: Socket): void {
    for (const [socket, other] of [
      [from, to],
      [to, from],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.shut()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
