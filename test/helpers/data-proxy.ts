// Somebody between the two ends of a data socket, who sees it all and may do anything with it.

import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { DataEnd, type DataTicket } from '../../src/lane/data-end.ts'
import { dataPreamble, type DataPort } from '../../src/lane/data-port.ts'
import { ManualClock } from './manual-clock.ts'

const preambleBytes = dataPreamble(new Uint8Array(32)).byteLength

export interface DataProxyOptions {
  readonly packsFrom: 'dialer' | 'listener'
  /** Of each frame. */
  readonly tagBytes: number
  /** What goes on instead of a frame, which is given with its head and its tag. */
  readonly meddle: (frame: Buffer, index: number) => readonly Buffer[]
}

export class DataProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #options: DataProxyOptions
  readonly #sockets = new Set<Socket>()
  readonly port: number
  #to = 0
  #frames = 0
  #isHolding = false
  #held: (() => void)[] = []

  private constructor(server: Server, options: DataProxyOptions) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    this.#options = options
    server.on('connection', (socket) => this.#join(socket, connect({ host: '127.0.0.1', port: this.#to })))
  }

  static async open(options: Partial<DataProxyOptions> & Pick<DataProxyOptions, 'packsFrom'>): Promise<DataProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new DataProxy(server, { tagBytes: 0, meddle: (frame) => [frame], ...options })
  }

  /** What `end` offers leads through here. */
  before(end: DataEnd): DataEnd {
    this.lead(end.port!.port)
    return new ProxiedEnd(end.clock, end.port!, this.port)
  }

  /** Whoever connects is led there. */
  lead(port: number): void {
    this.#to = port
  }

  /** Nobody gets through any more. */
  async block(): Promise<void> {
    this.#server.close()
    await once(this.#server, 'close')
  }

  /** Keeps what comes until it is released. */
  hold(): void {
    this.#isHolding = true
  }

  release(): void {
    this.#isHolding = false
    for (const pass of this.#held.splice(0)) pass()
  }

  /** Breaks what is connected, without a word. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  #join(dialer: Socket, listener: Socket): void {
    for (const [socket, other] of [
      [dialer, listener],
      [listener, dialer],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
    const isFromDialer = this.#options.packsFrom === 'dialer'
    if (isFromDialer) listener.on('data', (data) => dialer.write(data))
    else dialer.on('data', (data) => listener.write(data))
    const [from, to] = isFromDialer ? [dialer, listener] : [listener, dialer]
    let left = isFromDialer ? preambleBytes : 0
    let got = Buffer.alloc(0)
    from.on('data', (data) => {
      if (left > 0) to.write(data.subarray(0, left))
      got = Buffer.concat([got, data.subarray(left)])
      left = Math.max(0, left - data.byteLength)
      for (;;) {
        const length = got.byteLength < 4 ? Infinity : got.readUInt32BE(0) + 4 + this.#options.tagBytes
        if (got.byteLength < length) return
        this.#pass(to, got.subarray(0, length))
        got = got.subarray(length)
      }
    })
  }

  #pass(to: Socket, frame: Buffer): void {
    const pass = () => {
      for (const each of this.#options.meddle(frame, this.#frames++)) to.write(each)
    }
    if (this.#isHolding) this.#held.push(pass)
    else pass()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    if (this.#server.listening) await this.block()
  }
}

/** Says that it listens at another port than it does. */
class ProxiedEnd extends DataEnd {
  readonly #shownPort: number

  constructor(clock: ManualClock | DataEnd['clock'], port: DataPort, shownPort: number) {
    super(clock, port)
    this.#shownPort = shownPort
  }

  override offer(options: { withKey: boolean }): DataTicket | undefined {
    const ticket = super.offer(options)
    return ticket && { ...ticket, message: { ...ticket.message, port: this.#shownPort } }
  }
}
