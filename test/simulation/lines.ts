// What is under way between the two ends of streams or sockets over one link: in order on each, at the link's rate, with its latency and jitter, and not
// at all while it is cut.

import type { LinkState, NetworkOptions } from './network.ts'
import type { Process } from './process.ts'

/** What a link carries for one end, in order. */
export type Segment = { readonly kind: 'data'; readonly bytes: Uint8Array } | { readonly kind: 'fin' } | { readonly kind: 'reset' }

export interface LineEnd {
  readonly process: Process
  readonly isOver: boolean
  /** Something that the other end sent is here; `onRead` is for when it has been read. */
  receive(segment: Segment, onRead: () => void): void
  /** The other end has read so many bytes of what this one sent. */
  arrived(bytes: number): void
}

interface Line {
  /** Waits to leave the sending machine. */
  readonly segments: Segment[]
  isMoving: boolean
  readonly flying: { readonly segment: Segment; isHere: boolean }[]
  arriveMs: number
  /** On top of what the link takes. */
  readonly lagMs: number
  readonly to: LineEnd
}

export class Lines {
  readonly #options: Pick<NetworkOptions, 'loop' | 'random'>
  readonly #link: LinkState
  /** By the sending end: what is under way. */
  readonly #lines = new Map<LineEnd, Line>()

  constructor(options: Pick<NetworkOptions, 'loop' | 'random'>, link: LinkState) {
    this.#options = options
    this.#link = link
  }

  join(one: LineEnd, other: LineEnd, lagMs = 0): void {
    this.#lines.set(one, { segments: [], isMoving: false, flying: [], arriveMs: 0, lagMs, to: other })
    this.#lines.set(other, { segments: [], isMoving: false, flying: [], arriveMs: 0, lagMs: 0, to: one })
  }

  carry(from: LineEnd, segment: Segment): void {
    this.#lines.get(from)!.segments.push(segment)
    this.#move(from)
  }

  /** Drops what was sent and hasn't left; what has left this machine may still arrive. */
  drop(from: LineEnd): void {
    const { segments } = this.#lines.get(from)!
    segments.length = Math.min(segments.length, this.#options.random.integer(0, segments.length))
  }

  #move(from: LineEnd): void {
    const line = this.#lines.get(from)!
    const [segment] = line.segments
    if (segment === undefined || line.isMoving) return
    const { loop, random } = this.#options
    line.isMoving = true
    const bytes = segment.kind === 'data' ? segment.bytes.byteLength : 1
    loop.after(bytes / this.#link.bytesPerMs, () => {
      line.isMoving = false
      if (line.segments[0] === segment) line.segments.shift()
      this.#deliver(from, line, segment, this.#link.latencyMs + line.lagMs + random.next() * this.#link.jitterMs)
      this.#move(from)
    })
  }

  #deliver(from: LineEnd, line: Line, segment: Segment, delayMs: number): void {
    const { loop } = this.#options
    const flight = { segment, isHere: false }
    line.flying.push(flight)
    line.arriveMs = Math.max(loop.nowMs + delayMs, line.arriveMs)
    const arrive = () => {
      if (this.#link.isCut) return void this.#link.whenHealed.add(() => loop.after(this.#link.latencyMs, arrive))
      flight.isHere = true
      // Never before what was sent earlier on the same stream.
      while (line.flying[0]?.isHere === true) this.#handOver(from, line.to, line.flying.shift()!.segment)
    }
    loop.after(line.arriveMs - loop.nowMs, arrive)
  }

  #handOver(from: LineEnd, to: LineEnd, segment: Segment): void {
    const onRead = () => {
      if (segment.kind === 'data') this.#options.loop.after(this.#link.latencyMs, () => from.arrived(segment.bytes.byteLength))
    }
    to.process.do(() => {
      if (!to.isOver) to.receive(segment, onRead)
    })
  }
}
