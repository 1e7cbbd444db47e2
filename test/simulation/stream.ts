// One end of a simulated stream, with the behaviour of a libp2p stream that production code builds its channels on: reliable and in order, but
// it may break at any byte; closing ends one direction only, and a stream is over when both are.

import type { Stream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import { HeirloomError } from '../../src/errors.ts'
import type { LineEnd, Lines, Segment } from './lines.ts'
import type { Process } from './process.ts'

/** What waits to be delivered beyond this makes `send` answer that it is full. */
const fullBytes = 6 * 1024
/** As the production channel gives a close. */
const closeTimeoutMs = 5_000

class DataEvent extends Event {
  readonly data: Uint8Array

  constructor(data: Uint8Array) {
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
  readonly #lines: Lines
  #remoteWrites = true
  #isOver = false
  #unsentBytes = 0
  #whenDrained: (() => void) | undefined

  constructor(process: Process, lines: Lines, id: number) {
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
    const bytes = data instanceof Uint8Array ? data.slice() : data.slice()
    this.tap?.sent(bytes)
    this.#unsentBytes += bytes.byteLength
    for (const piece of this.#split(bytes)) this.#lines.carry(this, { kind: 'data', bytes: piece })
    this.writableNeedsDrain = this.#unsentBytes > fullBytes
    return !this.writableNeedsDrain
  }

  /** The transport cuts where it likes. */
  #split(bytes: Uint8Array): Uint8Array[] {
    const { random } = this.process
    if (bytes.byteLength < 2 || random.next() < 0.6) return [bytes]
    const at = random.integer(1, bytes.byteLength - 1)
    return [bytes.subarray(0, at), bytes.subarray(at)]
  }

  async close(): Promise<void> {
    if (this.writeStatus !== 'writable') return
    this.writeStatus = 'closing'
    if (this.writableNeedsDrain) await this.#drain()
    if (this.#isOver) return
    this.writeStatus = 'closed'
    this.#lines.carry(this, { kind: 'fin' })
    if (!this.#remoteWrites) this.end(undefined)
  }

  #drain(): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.process.after(closeTimeoutMs, () => reject(new HeirloomError('timeout', 'the stream did not drain')))
      this.#whenDrained = () => {
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

  /** The link has delivered so many bytes of ours. */
  arrived(bytes: number): void {
    this.#unsentBytes -= bytes
    if (!this.writableNeedsDrain || this.#unsentBytes > 0 || this.#isOver) return
    this.process.do(() => {
      this.writableNeedsDrain = false
      this.#whenDrained?.()
      this.dispatchEvent(new Event('drain'))
    })
  }

  /** Something that the other end sent is here. */
  receive(segment: Segment): void {
    if (this.#isOver) return
    if (segment.kind === 'data') {
      this.tap?.delivered(segment.bytes.byteLength)
      this.dispatchEvent(new DataEvent(segment.bytes))
    } else if (segment.kind === 'fin') {
      this.#remoteWrites = false
      this.dispatchEvent(new Event('remoteCloseWrite'))
      if (this.writeStatus === 'closed') this.end(undefined)
    } else this.end(new HeirloomError('link-lost', 'the stream was reset'))
  }

  end(error: Error | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    this.writeStatus = 'closed'
    this.#whenDrained?.()
    this.tap?.closed()
    this.dispatchEvent(new EndEvent(error))
  }
}
