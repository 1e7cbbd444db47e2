// Two ends of a channel in memory. Frames arrive in order, in a later turn. An end that doesn't read makes the other one's transport
// full, as a slow link does.

import type { Channel } from '../../src/wire/channel.ts'
import type { Frame } from '../../src/wire/frame.ts'

export class MemoryChannel implements Channel {
  readonly remotePeer: string
  readonly remoteHost: string | undefined
  readonly closed: Promise<Error | undefined>
  /** Frames that this end has sent and the other hasn't read. */
  readonly unread: Frame[] = []
  readonly #end: (error: Error | undefined) => void
  #other: MemoryChannel | undefined
  #handler: ((frame: Frame) => void) | undefined
  #early: Frame[] = []
  #isReading = true
  #isClosing = false
  #isOver = false
  #drained: PromiseWithResolvers<void> | undefined

  constructor(remotePeer: string, remoteHost?: string) {
    this.remotePeer = remotePeer
    this.remoteHost = remoteHost
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.closed = promise
    this.#end = resolve
  }

  join(other: MemoryChannel): void {
    this.#other = other
  }

  /** Bytes that this end has sent and the other hasn't read. */
  get unreadBytes(): number {
    return this.unread.reduce((sum, frame) => sum + frame.bytes, 0)
  }

  /** Whether this end takes what the other sends. */
  set reading(isReading: boolean) {
    this.#isReading = isReading
    if (isReading) this.#other!.#deliver()
  }

  send(frame: Frame): boolean {
    if (this.#isOver || this.#isClosing) return true
    // Each end has memory of its own, as over a network: what one of them frees is the other's to keep.
    this.unread.push({ ...frame, body: frame.body.map((piece) => piece.slice()) })
    queueMicrotask(() => this.#deliver())
    return this.#other!.#isReading
  }

  drained(): Promise<void> {
    if (this.#isOver || this.#other!.#isReading) return Promise.resolve()
    this.#drained ??= Promise.withResolvers<void>()
    return this.#drained.promise
  }

  onFrame(handler: (frame: Frame) => void): void {
    this.#handler = handler
    for (const frame of this.#early.splice(0)) this.#take(frame)
  }

  hold(): void {
    this.#handler = undefined
  }

  async close(): Promise<void> {
    this.#isClosing = true
    queueMicrotask(() => this.#deliver())
    await this.closed
  }

  abort(error: Error): void {
    this.unread.length = 0
    this.#finish(error)
    this.#other!.#finish(new Error('the other end has aborted'))
  }

  #deliver(): void {
    const other = this.#other!
    while (other.#isReading && !other.#isOver && this.unread.length > 0) other.#take(this.unread.shift()!)
    if (this.unread.length > 0) return
    this.#drained?.resolve()
    this.#drained = undefined
    if (!this.#isClosing) return
    other.#finish(undefined)
    this.#finish(undefined)
  }

  #take(frame: Frame): void {
    if (this.#isOver) return
    if (this.#handler === undefined) {
      this.#early.push(frame)
      return
    }
    try {
      this.#handler(frame)
    } catch (thrown) {
      this.abort(thrown as Error)
    }
  }

  #finish(error: Error | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#drained?.resolve()
    this.#end(error)
  }
}

/** Each end is told the peer id of the other. */
export function channelPair(nearPeer: string, farPeer: string, host?: string): { near: MemoryChannel; far: MemoryChannel } {
  const near = new MemoryChannel(farPeer, host)
  const far = new MemoryChannel(nearPeer, host)
  near.join(far)
  far.join(near)
  return { near, far }
}
