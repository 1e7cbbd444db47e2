// Where one node waits for data sockets. Whoever connects shows a token first; only then does the socket reach the transfer that the token was
// made for. Until then a socket costs 36 bytes and a place among few.
//
// Invariant: a token is good once, and for a short time; what comes without one is closed without a word.

import { randomBytes } from 'node:crypto'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import { asHeirloomError, HeirloomError } from '../errors.ts'
import { dataPreambleTimeoutMs, dataSocketsPendingMax, helloTimeoutMs } from '../limits/lane.ts'

const magic = Buffer.from('HLD1')
const tokenBytes = 32
const preambleBytes = magic.byteLength + tokenBytes

/** What the dialer of a data socket sends first. */
export function dataPreamble(token: Uint8Array): Uint8Array {
  return Buffer.concat([magic, token])
}

/** Takes a socket that has shown its token, paused, and what came after that already. */
export type TakeSocket = (socket: Socket, early: Uint8Array) => void

export interface ExpectedSocket extends Disposable {
  readonly token: Uint8Array
}

export interface DataPortOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly clock: Clock
}

export class DataPort implements AsyncDisposable {
  readonly #server: Server
  readonly #clock: Clock
  /** By token in hexadecimal. */
  readonly #expected = new Map<string, TakeSocket>()
  /** Sockets that have not shown a token yet, oldest first. */
  readonly #pending = new Set<Socket>()
  /** Sockets that showed a valid token, and those that didn't, so far. */
  accepted = 0
  refused = 0

  private constructor(server: Server, clock: Clock) {
    this.#server = server
    this.#clock = clock
    server.on('connection', (socket) => this.#greet(socket))
  }

  /** Throws `config` when the port can't be had. */
  static async open({ host, port, clock }: DataPortOptions): Promise<DataPort> {
    const server = createServer({ noDelay: true })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, resolve)
    }).catch((thrown: unknown) => {
      throw new HeirloomError('config', `the data port ${host}:${port} can't be opened: ${asHeirloomError(thrown).message}`, {
        cause: thrown,
        hint: 'give another data_port; 0 takes a free one',
      })
    })
    return new DataPort(server, clock)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get pending(): number {
    return this.#pending.size
  }

  /** A new token. The first socket that shows it in time goes to `take`; disposing it before makes it worthless. */
  expect(take: TakeSocket): ExpectedSocket {
    const token = new Uint8Array(randomBytes(tokenBytes))
    const id = Buffer.from(token).toString('hex')
    const cancel = this.#clock.after(helloTimeoutMs, () => void this.#expected.delete(id))
    const end = () => {
      cancel()
      this.#expected.delete(id)
    }
    this.#expected.set(id, (socket, early) => {
      end()
      take(socket, early)
    })
    return { token, [Symbol.dispose]: end }
  }

  #greet(socket: Socket): void {
    const [oldest] = this.#pending
    if (this.#pending.size >= dataSocketsPendingMax) this.#refuse(oldest!)
    this.#pending.add(socket)
    const cancel = this.#clock.after(dataPreambleTimeoutMs, () => this.#refuse(socket))
    const settle = () => {
      cancel()
      this.#pending.delete(socket)
    }
    socket.once('close', settle)
    // Whatever breaks a socket closes it; what that means is for whoever has it then.
    socket.on('error', () => {})
    let got = Buffer.alloc(0)
    const onData = (piece: Buffer) => {
      got = Buffer.concat([got, piece])
      const shown = Math.min(got.byteLength, magic.byteLength)
      if (got.compare(magic, 0, shown, 0, shown) !== 0) return this.#refuse(socket)
      if (got.byteLength < preambleBytes) return
      socket.off('data', onData)
      socket.pause()
      settle()
      const take = this.#expected.get(got.toString('hex', magic.byteLength, preambleBytes))
      if (take === undefined) return this.#refuse(socket)
      this.accepted++
      const early = got.subarray(preambleBytes)
      // The socket's listeners would keep it.
      got = Buffer.alloc(0)
      take(socket, early)
    }
    socket.on('data', onData)
  }

  #refuse(socket: Socket): void {
    this.#pending.delete(socket)
    this.refused++
    socket.destroy()
  }

  /** Takes no more sockets. Those that found their transfer are its own. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#pending) socket.destroy()
    this.#expected.clear()
    if (this.#server.listening) this.#server.close()
  }
}
