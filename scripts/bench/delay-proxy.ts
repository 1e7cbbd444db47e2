// Somebody between two ends of a TCP connection through whom everything takes its time: each byte arrives so much later, and only so many are under way.

import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { HeirloomError } from '../../src/errors.ts'

export interface DelayProxyOptions {
  readonly delayMs: number
  /** In each direction: what a link of this delay holds at its rate. */
  readonly underWayBytesMax: number
}

export class DelayProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #options: DelayProxyOptions
  readonly #sockets = new Set<Socket>()
  #to: number | undefined

  private constructor(server: Server, options: DelayProxyOptions) {
    this.#server = server
    this.#options = options
    server.on('connection', (socket) => this.#join(socket))
  }

  /** Listens on loopback. */
  static async open(options: DelayProxyOptions): Promise<DelayProxy> {
    // An end of one direction is no end of the other.
    const server = createServer({ noDelay: true, allowHalfOpen: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new DelayProxy(server, options)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Where connections go from now on: a port on loopback. */
  lead(port: number): void {
    this.#to = port
  }

  #join(near: Socket): void {
    if (this.#to === undefined) throw new HeirloomError('internal', 'the proxy leads nowhere yet')
    const far = connect({ host: '127.0.0.1', port: this.#to, noDelay: true, allowHalfOpen: true })
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => {
        this.#sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    this.#carry(near, far)
    this.#carry(far, near)
  }

  #carry(from: Socket, to: Socket): void {
    const { delayMs, underWayBytesMax } = this.#options
    let underWay = 0
    from.on('data', (piece) => {
      underWay += piece.byteLength
      if (underWay >= underWayBytesMax) from.pause()
      // Timers of one length fire in the order in which they were set.
      setTimeout(() => {
        if (to.destroyed) return
        to.write(piece, () => {
          underWay -= piece.byteLength
          if (underWay < underWayBytesMax) from.resume()
        })
      }, delayMs)
    })
    from.once('end', () => setTimeout(() => to.end(), delayMs))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
