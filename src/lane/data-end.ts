// What one node brings to its data transfers: where it listens, if it does, and memory for packs that arrive.

import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import type { DataOfferMessage } from '../transfer/messages.ts'
import { DataPort, type DataPortOptions, type TakeSocket } from './data-port.ts'
import { PackBuffers } from '../wire/pack-buffers.ts'

/** One offer of a data socket, for one transfer. */
export interface DataTicket extends Disposable {
  readonly message: DataOfferMessage
  /** From now on the socket that shows the token goes there; one that has come already goes there at once. */
  onSocket(take: TakeSocket): void
}

export class DataEnd implements AsyncDisposable {
  readonly clock: Clock
  readonly buffers = new PackBuffers()
  readonly port: DataPort | undefined

  /** Without a port it only dials. */
  constructor(clock: Clock, port?: DataPort) {
    this.clock = clock
    this.port = port
  }

  /** Listens. Throws `config` when the port can't be had. */
  static async open(options: DataPortOptions): Promise<DataEnd> {
    return new DataEnd(options.clock, await DataPort.open(options))
  }

  /** An offer for the other side, undefined when this one doesn't listen. Dispose it when the transfer is over. */
  offer({ withKey }: { withKey: boolean }): DataTicket | undefined {
    if (this.port === undefined) return undefined
    let come: { socket: Socket; early: Uint8Array } | undefined
    let take: TakeSocket = (socket, early) => (come = { socket, early })
    const expected = this.port.expect((socket, early) => take(socket, early))
    const key = withKey ? new Uint8Array(randomBytes(32)) : undefined
    return {
      message: { port: this.port.port, token: expected.token, key },
      onSocket(next) {
        take = next
        if (come !== undefined) next(come.socket, come.early)
        come = undefined
      },
      [Symbol.dispose]() {
        expected[Symbol.dispose]()
        come?.socket.destroy()
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.port?.[Symbol.asyncDispose]()
  }
}
