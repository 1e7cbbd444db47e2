// A libp2p stream as a Channel. The stream's own backpressure can't be relied on to bound memory, so the protocol's credit
// does that; what the stream says of being full is used only to keep its queue short, so that urgent packs needn't wait.

import type { Connection, Stream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { HeirloomError } from '../errors.ts'
import type { Channel } from '../wire/channel.ts'
import { encodeFrame, FrameDecoder, type Frame, type FrameGate } from '../wire/frame.ts'
import { isCircuit } from './circuit-address.ts'
import { hostOf } from './host.ts'

const closeTimeoutMs = 5_000

export class StreamChannel implements Channel {
  readonly remotePeer: string
  readonly remoteHost: string | undefined
  readonly isRelayed: boolean
  readonly closed: Promise<Error | undefined>
  readonly #stream: Stream
  readonly #decoder = new FrameDecoder()
  readonly #resolveClosed: (error: Error | undefined) => void
  #early: Frame[] = []
  #handler: ((frame: Frame) => void) | undefined
  #drained: PromiseWithResolvers<void> | undefined
  #over = false

  constructor(stream: Stream, { remotePeer, remoteAddr }: Pick<Connection, 'remotePeer' | 'remoteAddr'>) {
    this.#stream = stream
    this.remotePeer = remotePeer.toString()
    this.isRelayed = isCircuit(remoteAddr)
    // Through a relay the host of the address is the relay's.
    this.remoteHost = this.isRelayed ? undefined : hostOf(remoteAddr)
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.closed = promise
    this.#resolveClosed = resolve
    stream.addEventListener('message', (event) => this.#take(event.data))
    stream.addEventListener('drain', () => this.#wake())
    stream.addEventListener('close', (event) => this.#end(event.error))
    stream.addEventListener('remoteCloseWrite', () => this.#remoteEnded())
  }

  send(frame: Frame): boolean {
    if (this.#over || this.#stream.writeStatus !== 'writable') return true
    const [head, ...body] = encodeFrame(frame)
    return this.#stream.send(new Uint8ArrayList(head!, ...body))
  }

  drained(): Promise<void> {
    if (this.#over || !this.#stream.writableNeedsDrain) return Promise.resolve()
    this.#drained ??= Promise.withResolvers<void>()
    return this.#drained.promise
  }

  onFrame(handler: (frame: Frame) => void): void {
    this.#handler = handler
    const early = this.#early
    this.#early = []
    for (const frame of early) this.#deliver(frame)
  }

  hold(): void {
    this.#handler = undefined
  }

  gate(gate: FrameGate): void {
    this.#decoder.setGate(gate, () => this.#resume())
  }

  async close(): Promise<void> {
    if (this.#over) return
    try {
      await this.#stream.close({ signal: AbortSignal.timeout(closeTimeoutMs) })
    } catch (thrown) {
      this.#stream.abort(thrown as Error)
    }
  }

  abort(error: Error): void {
    if (!this.#over) this.#stream.abort(error)
  }

  #take(data: Uint8Array | Uint8ArrayList): void {
    try {
      for (const piece of data instanceof Uint8Array ? [data] : data) {
        for (const frame of this.#decoder.push(piece)) this.#deliver(frame)
      }
      this.#pauseWhileWaiting()
    } catch (thrown) {
      this.abort(thrown as Error)
    }
  }

  /** Within the event that brings bytes pausing is lost: the stream goes on by itself after it. */
  #pauseWhileWaiting(): void {
    if (!this.#decoder.isWaiting) return
    queueMicrotask(() => {
      if (this.#decoder.isWaiting && !this.#over) this.#stream.pause()
    })
  }

  #resume(): void {
    if (this.#over) return
    try {
      for (const frame of this.#decoder.resume()) this.#deliver(frame)
      if (this.#decoder.isWaiting) return
      this.#stream.resume()
    } catch (thrown) {
      this.abort(thrown as Error)
    }
  }

  #deliver(frame: Frame): void {
    if (this.#over) return
    if (this.#handler === undefined) this.#early.push(frame)
    else this.#handler(frame)
  }

  #remoteEnded(): void {
    if (!this.#decoder.clean) this.abort(new HeirloomError('link-lost', 'the stream ended in the middle of a frame'))
    else this.close().catch(() => {})
  }

  #wake(): void {
    this.#drained?.resolve()
    this.#drained = undefined
  }

  #end(error: Error | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#early = []
    this.#wake()
    this.#resolveClosed(error)
  }
}
