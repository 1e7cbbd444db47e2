// Packs onto a data socket: head, pieces and tag in one write, nothing large copied.
//
// Invariant: memory that the system may still read from is never given back, whatever the other side has acknowledged. It would otherwise
// see, on a socket without encryption, what that memory is used for next.

import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import { HeirloomError } from '../errors.ts'
import { dataQueueBytes, dataWriteTimeoutMs } from '../limits/lane.ts'
import { encodeHead, type Frame } from '../wire/frame.ts'
import { PackTags } from './pack-tags.ts'

/** Below this size pieces that follow one another are written as one: each costs as much as a large one. */
const gatherBelowBytes = 4096

export class PackWriter {
  readonly #clock: Clock
  readonly #onLost: (error: HeirloomError) => void
  #socket: Socket | undefined
  #tags: PackTags | undefined
  /** Frames that wait for a socket. */
  #waiting: Frame[] = []
  /** By body: what is being written, and what frees it then. */
  readonly #writing = new Map<Frame['body'], (() => void) | undefined>()
  #queuedBytes = 0
  #cancelTimeout: (() => void) | undefined
  #drained: PromiseWithResolvers<void> | undefined
  #isOver = false
  /** Frames so far. */
  packs = 0

  /** `onLost` is told when the other side takes nothing for too long. */
  constructor(clock: Clock, onLost: (error: HeirloomError) => void) {
    this.#clock = clock
    this.#onLost = onLost
  }

  /** False says that the queue is full, or that there is no socket yet. */
  write(frame: Frame): boolean {
    this.packs++
    if (this.#isOver) return true
    this.#writing.set(frame.body, undefined)
    this.#queuedBytes += frame.bytes
    if (this.#socket === undefined) this.#waiting.push(frame)
    else this.#put(this.#socket, frame)
    return this.#hasRoom
  }

  drained(): Promise<void> {
    if (this.#isOver || this.#hasRoom) return Promise.resolve()
    this.#drained ??= Promise.withResolvers<void>()
    return this.#drained.promise
  }

  /** From now on frames go there; with a key, each with a tag. */
  open(socket: Socket, key: Uint8Array | undefined): void {
    this.#socket = socket
    this.#tags = key && new PackTags(key)
    for (const frame of this.#waiting.splice(0)) this.#put(socket, frame)
    this.#wake()
  }

  letGo(body: Frame['body'], free: () => void): void {
    if (this.#writing.has(body)) this.#writing.set(body, free)
    else free()
  }

  end(): void {
    this.#isOver = true
    this.#waiting = []
    this.#cancelTimeout?.()
    this.#wake()
  }

  get #hasRoom(): boolean {
    return this.#socket !== undefined && this.#queuedBytes < dataQueueBytes
  }

  #put(socket: Socket, frame: Frame): void {
    const whole = [encodeHead(frame), ...frame.body]
    if (this.#tags !== undefined) whole.push(this.#tags.next(frame.body))
    const pieces = gather(whole)
    const last = pieces.pop()!
    socket.cork()
    for (const piece of pieces) socket.write(piece)
    socket.write(last, () => this.#written(frame))
    socket.uncork()
    if (this.#cancelTimeout === undefined) this.#watch()
  }

  /** Also called when the socket is gone, for whatever it had not written. */
  #written({ body, bytes }: Frame): void {
    const free = this.#writing.get(body)
    this.#writing.delete(body)
    free?.()
    this.#queuedBytes -= bytes
    this.#cancelTimeout?.()
    this.#cancelTimeout = undefined
    if (this.#queuedBytes > 0 && !this.#isOver) this.#watch()
    this.#wake()
  }

  #watch(): void {
    this.#cancelTimeout = this.#clock.after(dataWriteTimeoutMs, () =>
      this.#onLost(new HeirloomError('timeout', 'the other side takes nothing from the data socket')),
    )
  }

  #wake(): void {
    if (!this.#isOver && !this.#hasRoom) return
    this.#drained?.resolve()
    this.#drained = undefined
  }
}

function gather(pieces: readonly Uint8Array[]): Uint8Array[] {
  const gathered: Uint8Array[] = []
  let small: Uint8Array[] = []
  const putSmall = () => {
    if (small.length > 0) gathered.push(small.length === 1 ? small[0]! : Buffer.concat(small))
    small = []
  }
  for (const piece of pieces) {
    if (piece.byteLength < gatherBelowBytes) small.push(piece)
    else {
      putSmall()
      gathered.push(piece)
    }
  }
  putSmall()
  return gathered
}
