// A transfer whose packs take a data socket: to everything above it a channel like any other. The stream stays what the transfer is: it
// says who the other side is, and when it ends the socket ends with it, and the other way round.
//
// Invariants: a frame that follows packs is handed on after them; what a frame was made of isn't given back while it is being written.

import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import { asHeirloomError, HeirloomError } from '../errors.ts'
import { dataDialHeadStartMs, dataSocketTimeoutMs, positionedFramesMax } from '../limits/lane.ts'
import { failureFrame, positionFrame, readFailure, readPosition, type DataOfferMessage } from '../transfer/messages.ts'
import type { Channel } from '../wire/channel.ts'
import { frameType, type Frame, type FrameGate } from '../wire/frame.ts'
import { dialData } from './data-dial.ts'
import type { DataTicket } from './data-end.ts'
import { dataPreamble } from './data-port.ts'
import { PackAssembler } from './pack-assembler.ts'
import { freeMemory } from '../wire/free-memory.ts'
import type { PackBuffers } from '../wire/pack-buffers.ts'
import { PackWriter } from './pack-writer.ts'

export interface DataChannelOptions {
  /** The stream, whose greeting this side has read. */
  readonly control: Channel
  /** Which way packs go, as seen from here. */
  readonly role: 'sends' | 'receives'
  /** What this side offered; the channel owns it from the call on. */
  readonly ours: DataTicket | undefined
  readonly theirs: DataOfferMessage | undefined
  readonly clock: Clock
  readonly buffers: PackBuffers
}

export class DataChannel implements Channel {
  readonly remotePeer: string
  readonly remoteHost: string | undefined
  readonly closed: Promise<Error | undefined>
  readonly #options: DataChannelOptions
  readonly #writer: PackWriter
  /** Sockets that may become the one, and that one. */
  readonly #sockets = new Set<Socket>()
  #chosen: Socket | undefined
  #up = Promise.withResolvers<void>()
  readonly #cancels: (() => void)[] = []
  #handler: ((frame: Frame) => void) | undefined
  #gate: FrameGate | undefined
  #early: Frame[] = []
  /** Frames of the stream that wait for packs. */
  #positioned: Frame[] = []
  #arrived = 0
  #failure: Error | undefined
  #isClosing = false
  #isOver = false

  /** Throws `unsupported` when neither side can dial the other. */
  constructor(options: DataChannelOptions) {
    const { control, role, ours, theirs, clock } = options
    const canDial = theirs !== undefined && control.remoteHost !== undefined
    if (ours === undefined && !canDial) throw new HeirloomError('unsupported', 'neither side can reach the other by a data socket')
    this.#options = options
    this.remotePeer = control.remotePeer
    this.remoteHost = control.remoteHost
    this.#writer = new PackWriter(clock, (error) => this.abort(error))
    this.closed = control.closed.then((error) => this.#finish(error))
    // Whoever doesn't wait for it isn't told.
    this.#up.promise.catch(() => {})
    ours?.onSocket((socket, early) => this.#accepted(socket, early, ours.message.key))
    if (canDial) {
      const waits = role === 'sends' && ours !== undefined
      if (waits) this.#cancels.push(clock.after(dataDialHeadStartMs, () => this.#dial(theirs)))
      else this.#dial(theirs)
    }
    this.#expectSocket()
    control.onFrame((frame) => this.#takeControl(frame))
  }

  /** Resolves when packs can go; rejects with what ended the channel before. */
  get up(): Promise<void> {
    return this.#up.promise
  }

  send(frame: Frame): boolean {
    const { control } = this.#options
    if (this.#isOver) return true
    if (frame.type === frameType.pack) return this.#writer.write(frame)
    if (frame.type === frameType.end) control.send(positionFrame(this.#writer.packs))
    return control.send(frame)
  }

  letGo(body: Frame['body'], free: () => void): void {
    this.#writer.letGo(body, free)
  }

  drained(): Promise<void> {
    return this.#writer.drained()
  }

  onFrame(handler: (frame: Frame) => void): void {
    this.#handler = handler
    const early = this.#early
    this.#early = []
    for (const frame of early) this.#deliver(frame)
  }

  /** Of the packs on sockets that the other side dials, which is how a relay has them; what the stream brings is small. */
  gate(gate: FrameGate): void {
    this.#gate = gate
  }

  hold(): void {
    this.#handler = undefined
  }

  /** What is queued on the socket still goes, as far as it gets before the stream has ended. A receiver's last acknowledgements go before its socket does. */
  async close(): Promise<void> {
    this.#isClosing = true
    if (this.#options.role === 'sends') this.#chosen?.end()
    await this.#options.control.close()
  }

  abort(error: Error): void {
    if (this.#isOver) return
    this.#failure ??= error
    this.#dropSockets()
    this.#options.control.abort(error)
  }

  get #isEnding(): boolean {
    return this.#isOver || this.#failure !== undefined
  }

  #dial({ port, token, key }: DataOfferMessage): void {
    if (this.#isEnding || this.#chosen !== undefined) return
    const isReceiver = this.#options.role === 'receives'
    // The reader needs the socket that needs the reader.
    const assembler = isReceiver ? this.#assembler(key, () => socket) : undefined
    const reader = assembler && {
      space: () => assembler.space(),
      filled: (bytes: number) => this.#guarded(socket, () => assembler.filled(bytes)),
    }
    const socket: Socket = dialData({ host: this.remoteHost!, port }, reader)
    this.#adopt(socket, assembler)
    socket.write(dataPreamble(token))
    socket.once('connect', () => this.#connected(socket, key))
  }

  #accepted(socket: Socket, early: Uint8Array, key: Uint8Array | undefined): void {
    if (this.#isEnding || this.#chosen !== undefined) return void socket.destroy()
    if (this.#options.role === 'sends') {
      this.#adopt(socket)
      if (early.byteLength > 0) return this.#fail(new HeirloomError('malformed', 'the receiver sent something on the data socket'))
      return this.#connected(socket, key)
    }
    const assembler = this.#assembler(key, () => socket)
    this.#adopt(socket, assembler)
    this.#connected(socket, key)
    const take = (push: () => void) => {
      this.#guarded(socket, push)
      if (assembler.isWaiting) socket.pause()
      else socket.resume()
    }
    if (this.#gate !== undefined) assembler.setGate(this.#gate, () => take(() => assembler.resume()))
    const read = (piece: Uint8Array) => {
      take(() => assembler.push(piece))
      // Copied to where it belongs. What waits is read later.
      if (!assembler.isWaiting) freeMemory([piece])
    }
    socket.on('data', read)
    read(early)
  }

  #assembler(key: Uint8Array | undefined, socket: () => Socket): PackAssembler {
    return new PackAssembler({ buffers: this.#options.buffers, key, onFrame: (frame) => this.#takePack(socket(), frame) })
  }

  #adopt(socket: Socket, assembler?: PackAssembler): void {
    this.#sockets.add(socket)
    let error: Error | undefined
    socket.on('error', (thrown) => (error = thrown))
    socket.once('close', () => this.#socketEnded(socket, assembler, error))
  }

  /** The socket is there, as far as this side can tell: the other may still not want its token. */
  #connected(socket: Socket, key: Uint8Array | undefined): void {
    if (this.#isEnding || (this.#chosen !== undefined && this.#chosen !== socket)) return void socket.destroy()
    this.#cancelAll()
    if (this.#options.role === 'sends') {
      this.#choose(socket)
      socket.on('data', () => this.#fail(new HeirloomError('malformed', 'the receiver sent something on the data socket')))
      // Read, so that its end is noticed, too.
      socket.resume()
      this.#writer.open(socket, key)
    }
    this.#up.resolve()
  }

  #choose(socket: Socket): void {
    this.#chosen = socket
    this.#cancelAll()
    for (const other of this.#sockets) if (other !== socket) other.destroy()
  }

  #takePack(socket: Socket, frame: Frame): void {
    if (this.#isEnding || (this.#chosen !== undefined && this.#chosen !== socket)) return
    if (this.#chosen === undefined) this.#choose(socket)
    this.#arrived++
    this.#deliver(frame)
    this.#release()
  }

  #takeControl(frame: Frame): void {
    if (frame.type === frameType.failure) return this.#handler === undefined ? this.abort(readFailure(frame)) : this.#deliver(frame)
    if (frame.type === frameType.pack) throw new HeirloomError('malformed', 'a pack came on the stream of a data transfer')
    if (frame.type === frameType.position && this.#options.role === 'sends')
      throw new HeirloomError('malformed', 'a receiver sent a position')
    this.#positioned.push(frame)
    if (this.#positioned.length > positionedFramesMax) throw new HeirloomError('too-large', 'too many frames wait for packs')
    this.#release()
  }

  /** Hands on what doesn't wait for packs any more. */
  #release(): void {
    for (let next = this.#positioned[0]; next !== undefined; next = this.#positioned[0]) {
      const isPosition = next.type === frameType.position
      if (isPosition && this.#arrived < readPosition(next)) return
      this.#positioned.shift()
      if (!isPosition) this.#deliver(next)
    }
  }

  #deliver(frame: Frame): void {
    if (this.#isOver) return
    if (this.#handler === undefined) this.#early.push(frame)
    else this.#handler(frame)
  }

  /** What the socket brought, or what handles it, may be wrong: the other side is told. */
  #guarded(socket: Socket, take: () => void): void {
    if (this.#isEnding) return
    try {
      take()
    } catch (thrown) {
      this.#fail(asHeirloomError(thrown))
      socket.destroy()
    }
  }

  #fail(error: HeirloomError): void {
    if (this.#isEnding) return
    this.#failure = error
    this.#dropSockets()
    this.#options.control.send(failureFrame(error))
    void this.#options.control.close()
  }

  #socketEnded(socket: Socket, assembler: PackAssembler | undefined, error: Error | undefined): void {
    this.#sockets.delete(socket)
    if (this.#isEnding || this.#isClosing) return
    if (socket !== this.#chosen) {
      if (this.#chosen === undefined && this.#sockets.size === 0) this.#nobodyLeft(error)
      return
    }
    // A sender that closes ends its socket first: the end of the stream follows. If it doesn't, the sender learns that the socket is gone.
    if (error === undefined && assembler?.clean === true) return
    this.abort(new HeirloomError('link-lost', 'the data socket has ended', { cause: error }))
  }

  /** No socket is there or is being dialled; perhaps the other side dials. */
  #nobodyLeft(error: Error | undefined): void {
    if (this.#options.ours !== undefined) return this.#expectSocket()
    this.abort(new HeirloomError('link-lost', `no data socket: ${error?.message ?? 'it was closed'}`, { cause: error }))
  }

  #expectSocket(): void {
    const why = () => this.abort(new HeirloomError('timeout', 'no data socket came up'))
    this.#cancels.push(this.#options.clock.after(dataSocketTimeoutMs, why))
  }

  #cancelAll(): void {
    for (const cancel of this.#cancels.splice(0)) cancel()
  }

  #dropSockets(): void {
    this.#cancelAll()
    for (const socket of this.#sockets) socket.destroy()
  }

  #finish(error: Error | undefined): Error | undefined {
    const why = this.#failure ?? error
    this.#isOver = true
    this.#early = []
    this.#positioned = []
    this.#dropSockets()
    this.#options.ours?.[Symbol.dispose]()
    this.#writer.end()
    this.#up.reject(why ?? new HeirloomError('link-lost', 'the other side closed without a data socket'))
    return why
  }
}
