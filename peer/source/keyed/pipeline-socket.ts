// A connection to a key-value server on which batches of requests are pipelined: their answers come in the same order. The protocol is
// the batch's own business: it takes bytes until it has all that it waits for.
//
// Invariant: what breaks a connection ends every batch that waits on it, with the same error.

import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { HeirloomError } from '../../../src/errors.ts'
import { answerReadBytes, serverDialTimeoutMs, serverSilenceMs } from '../../../src/limits/keyed.ts'
import type { WaitOptions } from '../source.ts'

/** Where a server is. */
export interface ServerAddress {
  /** As it stands in messages. */
  readonly name: string
  readonly path?: string
  readonly host?: string
  readonly port?: number
  /** TLS, with the certificates that are trusted; those of the system where there are none. */
  readonly tls?: { readonly ca: string | undefined }
}

/** What takes the answers to one batch. */
export interface AnswerTaker {
  readonly isComplete: boolean
  /** Takes what is its own of these bytes; answers how many. Throws what makes the connection useless. */
  add(bytes: Uint8Array): number
}

interface Waiting {
  readonly taker: AnswerTaker
  readonly done: () => void
  readonly failed: (error: HeirloomError) => void
}

/** Nobody listens there: the server isn't up yet, or is gone. */
const absentErrors: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'ENOTSOCK',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

export class PipelineSocket implements Disposable {
  readonly #address: ServerAddress
  readonly #socket: Socket
  readonly #waiting: Waiting[] = []
  #error: HeirloomError | undefined

  private constructor(address: ServerAddress, socket: Socket) {
    this.#address = address
    this.#socket = socket
  }

  /** Throws `source-failed` when nobody listens there, `link-lost` when it breaks off, `timeout`, or the signal's reason. */
  static async open(address: ServerAddress, { signal }: WaitOptions): Promise<PipelineSocket> {
    signal.throwIfAborted()
    const opened = Promise.withResolvers<void>()
    const socket = dial(address, (bytes) => link.#received(bytes))
    const link = new PipelineSocket(address, socket)
    const onAbort = () => link.#fail(signal.reason instanceof HeirloomError ? signal.reason : new HeirloomError('aborted', 'aborted'))
    signal.addEventListener('abort', onAbort, { once: true })
    socket.setNoDelay(true)
    socket.setTimeout(serverDialTimeoutMs, () => link.#silent())
    socket.once(address.tls === undefined ? 'connect' : 'secureConnect', () => {
      socket.setTimeout(serverSilenceMs)
      opened.resolve()
    })
    socket.on('error', (error) => link.#fail(explain(address, error)))
    socket.on('close', () => {
      link.#fail(new HeirloomError('link-lost', `${address.name} closed the connection`))
      opened.reject(link.#error)
    })
    try {
      await opened.promise
      signal.throwIfAborted()
      return link
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  get isOpen(): boolean {
    return this.#error === undefined
  }

  /** Sends a batch; resolves when its answers are complete. Throws what broke the connection, or the signal's reason: then the answers are dropped. */
  send<Taker extends AnswerTaker>(requests: Uint8Array, taker: Taker, { signal }: WaitOptions): Promise<Taker> {
    if (this.#error !== undefined) return Promise.reject(this.#error)
    if (signal.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason)
      const over = () => signal.removeEventListener('abort', onAbort)
      signal.addEventListener('abort', onAbort, { once: true })
      const done = () => {
        over()
        resolve(taker)
      }
      const failed = (error: HeirloomError) => {
        over()
        reject(error)
      }
      this.#waiting.push({ taker, done, failed })
      this.#socket.write(requests)
    })
  }

  [Symbol.dispose](): void {
    this.#fail(new HeirloomError('aborted', `the connection to ${this.#address.name} was closed here`))
  }

  #received(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.byteLength;) {
        const first = this.#waiting[0]
        if (first === undefined) throw new HeirloomError('malformed', `${this.#address.name} says what nobody asked for`)
        at += first.taker.add(at === 0 ? bytes : bytes.subarray(at))
        if (!first.taker.isComplete) continue
        this.#waiting.shift()
        first.done()
      }
    } catch (thrown) {
      if (!(thrown instanceof HeirloomError)) throw thrown
      this.#fail(thrown)
    }
  }

  #silent(): void {
    if (this.#waiting.length === 0 && !this.#socket.connecting) return
    this.#fail(
      new HeirloomError('timeout', `${this.#address.name} does not answer`, { hint: 'is it stopped, or busy with a slow command?' }),
    )
  }

  #fail(error: HeirloomError): void {
    this.#error ??= error
    this.#socket.destroy()
    for (const waiting of this.#waiting.splice(0)) waiting.failed(this.#error)
  }
}

function dial({ path, host, port, tls }: ServerAddress, onBytes: (bytes: Uint8Array) => void): Socket {
  const place = path === undefined ? { host: host!, port: port! } : { path }
  if (tls !== undefined) {
    const socket = connectTls({
      ...place,
      ...(host !== undefined && !/^[\d.:]+$/.test(host) && { servername: host }),
      ...(tls.ca && { ca: tls.ca }),
    })
    socket.on('data', onBytes)
    return socket
  }
  // One buffer for all that is read: what is of use is copied on at once.
  const buffer = Buffer.allocUnsafe(answerReadBytes)
  const callback = (bytes: number) => {
    onBytes(buffer.subarray(0, bytes))
    return true
  }
  return connectTcp({ ...place, onread: { buffer, callback } })
}

function explain({ name, tls }: ServerAddress, error: Error): HeirloomError {
  const { code = '' } = error as NodeJS.ErrnoException
  if (absentErrors.has(code))
    return new HeirloomError('source-failed', `nobody answers at ${name}: ${error.message}`, {
      hint: 'start the server, or correct the url',
      cause: error,
    })
  if (tls !== undefined && !['ECONNRESET', 'EPIPE'].includes(code))
    return new HeirloomError('config', `${name} and this peer don't agree on TLS: ${error.message}`, {
      hint: 'check ca_file, the host in the url, and whether the server speaks TLS on that port',
      cause: error,
    })
  return new HeirloomError('link-lost', `the connection to ${name} broke: ${error.message}`, { cause: error })
}
