// One end of a simulated data socket, with the behaviour of a TCP socket of Node: a duplex stream that is written to before it is connected, takes a
// little more than the link does, ends half by half, and is reset when either side drops it.

import { Duplex } from 'node:stream'
import type { LineEnd, Lines, Segment } from './lines.ts'
import type { Process } from './process.ts'
import type { StreamTap } from './stream.ts'

/** What the system takes before a write waits. */
const sendBufferBytes = 3 * 1024

/** Where what comes is to be put. */
export interface ReadInto {
  buffer(): Uint8Array
  callback(bytes: number): boolean
}

type Done = (error?: Error | null) => void

export class SimulatedSocket extends Duplex implements LineEnd {
  readonly process: Process
  #tap: StreamTap | undefined
  /** Written before anybody watched. */
  readonly #unseen: Uint8Array[] = []
  readonly #onread: ReadInto | undefined
  #lines: Lines | undefined
  #whenConnected: (() => void) | undefined
  #unsentBytes = 0
  #whenTaken: (() => void) | undefined
  /** The other end has sent its last, or is gone. */
  #remoteEnded = false
  /** For each piece that came and was not read yet. */
  readonly #reads: (() => void)[] = []

  constructor(process: Process, onread?: ReadInto) {
    super({ allowHalfOpen: false })
    this.process = process
    this.#onread = onread
  }

  get isOver(): boolean {
    return this.destroyed
  }

  set tap(tap: StreamTap) {
    this.#tap = tap
    for (const bytes of this.#unseen.splice(0)) tap.written?.(bytes)
  }

  /** What is written here may wait for what was written before it. */
  override write(bytes: Uint8Array, encodingOrDone?: BufferEncoding | Done, done?: Done): boolean {
    if (!this.destroyed && !this.writableEnded) {
      if (this.#tap === undefined) this.#unseen.push(bytes)
      else this.#tap.written?.(bytes)
    }
    return typeof encodingOrDone === 'function' ? super.write(bytes, encodingOrDone) : super.write(bytes, encodingOrDone!, done)
  }

  /** It leads somewhere from now on. */
  connected(lines: Lines): void {
    if (this.destroyed) return
    this.#lines = lines
    this.emit('connect')
    this.#whenConnected?.()
    this.#whenConnected = undefined
  }

  /** Nobody is there, or the way there broke. */
  broken(code: string): void {
    this.#remoteEnded = true
    this.destroy(Object.assign(new Error(`injected ${code}`), { code }))
  }

  override _read(): void {}

  override _write(bytes: Uint8Array, _encoding: string, done: Done): void {
    this.#put([bytes], done)
  }

  override _writev(chunks: { readonly chunk: Uint8Array }[], done: Done): void {
    this.#put(
      chunks.map(({ chunk }) => chunk),
      done,
    )
  }

  #put(pieces: readonly Uint8Array[], done: Done): void {
    if (this.#lines === undefined) {
      this.#whenConnected = () => this.#put(pieces, done)
      return
    }
    const bytes = new Uint8Array(Buffer.concat(pieces))
    this.#unsentBytes += bytes.byteLength
    this.#tap?.sent(bytes)
    for (const part of this.#split(bytes)) this.#lines.carry(this, { kind: 'data', bytes: part })
    if (this.#unsentBytes <= sendBufferBytes) done()
    else this.#whenTaken = done
  }

  /** The transport cuts where it likes. */
  #split(bytes: Uint8Array): Uint8Array[] {
    const { random } = this.process
    if (bytes.byteLength < 2 || random.next() < 0.5) return [bytes]
    const at = random.integer(1, bytes.byteLength - 1)
    return [bytes.subarray(0, at), bytes.subarray(at)]
  }

  override _final(done: Done): void {
    if (this.#lines === undefined) this.#whenConnected = () => this._final(done)
    else {
      this.#lines.carry(this, { kind: 'fin' })
      done()
    }
  }

  override _destroy(error: Error | null, done: Done): void {
    if (this.#lines !== undefined && this.process.alive && !(this.#remoteEnded && this.writableFinished)) {
      this.#lines.drop(this)
      this.#lines.carry(this, { kind: 'reset' })
    }
    this.#whenTaken?.()
    done(error)
  }

  arrived(bytes: number): void {
    this.#unsentBytes -= bytes
    const taken = this.#whenTaken
    if (taken === undefined || this.#unsentBytes > sendBufferBytes) return
    this.#whenTaken = undefined
    this.process.do(taken)
  }

  receive(segment: Segment, onRead: () => void): void {
    if (segment.kind === 'reset') return this.broken('ECONNRESET')
    if (segment.kind === 'fin') {
      this.#remoteEnded = true
      this.push(null)
      if (this.#onread !== undefined) this.read(0)
      return
    }
    if (this.#onread === undefined) {
      this.#reads.push(onRead)
      this.push(segment.bytes)
      return
    }
    this.#tap?.delivered(segment.bytes.byteLength)
    this.#fill(this.#onread, segment.bytes)
    onRead()
  }

  /** What comes while it is paused stays with the system, which then takes no more. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'data') this.#tap?.delivered((args[0] as Uint8Array).byteLength)
    const isHeard = super.emit(event, ...args)
    if (event === 'data') this.#reads.shift()?.()
    return isHeard
  }

  #fill(into: ReadInto, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength && !this.destroyed;) {
      const space = into.buffer()
      const part = bytes.subarray(at, at + space.byteLength)
      space.set(part)
      at += part.byteLength
      into.callback(part.byteLength)
    }
  }
}
