// One end of a simulated stream, with the behaviour of a libp2p stream over Yamux that production code builds its channels on: reliable and in order,
// but it may break at any byte; closing ends one direction only, and a stream is over when both are. What is sent beyond the other end's window waits
// here; what comes while this end is paused waits for it, and keeps the window shut. The end of what the other side sends is told at once, also before
// what waits here.

import type { Stream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { HeirloomError } from '../../src/errors.ts'
import type { LineEnd, Segment } from './lines.ts'
import type { Carrier } from './path.ts'
import type { Process } from './process.ts'

/** What may come before the other end has read it; more waits where it is sent, and `send` answers that it is full. */
const streamWindowBytes = 4 * 1024
/** As the production channel gives a close. */
const closeTimeoutMs = 5_000

class DataEvent extends Event {
  readonly data: Uint8ArrayList

  constructor(data: Uint8ArrayList) {
    super('message')
    this.data = data
  }
}

class EndEvent extends Event {
  readonly error: Error | undefined

  constructor(error: Error | undefined) {
    super('close')
    this.error = error
  }
}

/** Watches what is sent and what arrives, frame by frame. */
export interface StreamTap {
  /** Given to the system, where it may wait before it is sent; asked for only where that is not the same. */
  written?(bytes: Uint8Array): void
  sent(frame: Uint8Array): void
  /** So many bytes of what the other end sent are here. */
  delivered(bytes: number): void
  closed(): void
}

export class SimulatedStream extends EventTarget implements LineEnd {
  readonly process: Process
  readonly id: number
  writeStatus: 'writable' | 'closing' | 'closed' = 'writable'
  writableNeedsDrain = false
  tap: StreamTap | undefined
  readonly #lines: Carrier
  #remoteWrites = true
  #isOver = false
  /** What the other end lets come, and what waits for that. */
  #sendWindowBytes = streamWindowBytes
  readonly #unsent = new Uint8ArrayList()
  #whenSent: (() => void) | undefined
  #isPaused = false
  /** The window stays as it is. Not the same: who pauses while what has waited is handed out is paused, but the window opens after it. */
  #holdsWindow = false
  readonly #unread = new Uint8ArrayList()
  /** For what has come and not opened the window again. */
  #reads: (() => void)[] = []

  constructor(process: Process, lines: Carrier, id: number) {
    super()
    this.process = process
    this.#lines = lines
    this.id = id
  }

  /** As production code takes it. */
  get asLibP2P(): Stream {
    return this as unknown as Stream
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** More may be sent here, as far as this end knows. */
  get isOpen(): boolean {
    return this.process.alive && !this.#isOver && this.writeStatus === 'writable'
  }

  send(data: Uint8Array | Uint8ArrayList): boolean {
    if (!this.process.alive) return true
    if (this.writeStatus !== 'writable') throw new Error(`cannot write to a stream that is ${this.writeStatus}`)
    const bytes = data.slice()
    this.tap?.sent(bytes)
    this.#unsent.append(bytes)
    return this.#sendQueued()
  }

  #sendQueued(): boolean {
    if (this.writableNeedsDrain) return false
    const bytes = this.#unsent.slice(0, Math.min(this.#unsent.byteLength, this.#sendWindowBytes))
    this.#unsent.consume(bytes.byteLength)
    this.#sendWindowBytes -= bytes.byteLength
    for (const piece of this.#split(bytes)) this.#lines.carry(this, { kind: 'data', bytes: piece })
    this.writableNeedsDrain = this.#unsent.byteLength > 0
    if (!this.writableNeedsDrain) this.#whenSent?.()
    return !this.writableNeedsDrain
  }

  /** The transport cuts where it likes. */
  #split(bytes: Uint8Array): Uint8Array[] {
    const { random } = this.process
    if (bytes.byteLength === 0) return []
    if (bytes.byteLength < 2 || random.next() < 0.6) return [bytes]
    const at = random.integer(1, bytes.byteLength - 1)
    return [bytes.subarray(0, at), bytes.subarray(at)]
  }

  async close(): Promise<void> {
    if (this.writeStatus !== 'writable') return
    this.writeStatus = 'closing'
    if (this.#unsent.byteLength > 0) await this.#allSent()
    if (this.#isOver) return
    this.writeStatus = 'closed'
    this.#lines.carry(this, { kind: 'fin' })
    if (!this.#remoteWrites) this.end(undefined)
  }

  #allSent(): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.process.after(closeTimeoutMs, () => reject(new HeirloomError('timeout', 'the stream did not drain')))
      this.#whenSent = () => {
        cancel()
        resolve()
      }
    })
  }

  abort(error: Error): void {
    if (this.#isOver) return
    this.#lines.drop(this)
    this.#lines.carry(this, { kind: 'reset' })
    this.end(error)
  }

  /** The other end's window has opened by so many bytes. */
  arrived(bytes: number): void {
    this.process.do(() => {
      this.#sendWindowBytes += bytes
      if (!this.writableNeedsDrain || this.#isOver) return
      this.writableNeedsDrain = false
      queueMicrotask(() => this.#isOver || this.#sendQueued())
      this.dispatchEvent(new Event('drain'))
    })
  }

  pause(): void {
    if (this.#isOver) throw new Error('cannot pause a stream that is closed')
    if (this.#isPaused) return
    this.#isPaused = true
    this.#holdsWindow = true
  }

  resume(): void {
    if (this.#isOver) throw new Error('cannot resume a stream that is closed')
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#handOut()
    this.#holdsWindow = false
    this.#openWindow()
  }

  /** Something that the other end sent is here. */
  receive(segment: Segment, onRead: () => void): void {
    if (this.#isOver) return
    if (segment.kind === 'data') {
      this.#unread.append(segment.bytes)
      this.#reads.push(onRead)
      this.#handOut()
      if (!this.#holdsWindow) this.#openWindow()
    } else if (segment.kind === 'fin') {
      this.#remoteWrites = false
      this.dispatchEvent(new Event('remoteCloseWrite'))
      if (this.writeStatus === 'closed') this.end(undefined)
    } else this.end(new HeirloomError('link-lost', 'the stream was reset'))
  }

  #handOut(): void {
    if (!this.#isPaused && this.#unread.byteLength > 0) {
      const data = this.#unread.sublist()
      this.#unread.consume(data.byteLength)
      this.tap?.delivered(data.byteLength)
      this.dispatchEvent(new DataEvent(data))
    }
    if (this.#unread.byteLength > streamWindowBytes) this.abort(new HeirloomError('too-large', 'more waits to be read than may'))
  }

  #openWindow(): void {
    for (const onRead of this.#reads.splice(0)) onRead()
  }

  end(error: Error | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    this.writeStatus = 'closed'
    this.#whenSent?.()
    this.tap?.closed()
    this.dispatchEvent(new EndEvent(error))
  }
}
