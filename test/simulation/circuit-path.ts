// The way of a circuit: a link to the relay's machine, its process, and a link on from there. What goes through it takes both links' time, waits while
// either is cut or the process is stopped, and is lost with the process. The relay passes on bytes; nothing of its own reads them, as Noise goes from
// end to end.

import { Lines, type LineEnd, type Segment } from './lines.ts'
import type { LinkState, NetworkOptions } from './network.ts'
import { hop, type Carrier, type Path } from './path.ts'
import type { Process } from './process.ts'

export interface CircuitPathOptions {
  readonly network: Pick<NetworkOptions, 'loop' | 'random'>
  /** The relay's peer id, and its process. */
  readonly relay: string
  readonly process: Process
  readonly near: LinkState
  readonly far: LinkState
}

export class CircuitPath implements Path {
  readonly #options: CircuitPathOptions

  constructor(options: CircuitPathOptions) {
    this.#options = options
  }

  get relay(): string {
    return this.#options.relay
  }

  get transferLagMs(): number {
    return this.#options.near.transferLagMs
  }

  lines(isFromNear: boolean): Carrier {
    const { network, process } = this.#options
    const [first, second] = this.#links(isFromNear)
    return new RelayedLines(process, new Lines(network, first), new Lines(network, second))
  }

  ask(run: () => void, isFromNear: boolean): void {
    const { network, process } = this.#options
    const [first, second] = this.#links(isFromNear)
    hop(network, first, () => process.do(() => hop(network, second, run)))
  }

  answer(process: Process, run: () => void, isFromNear: boolean): void {
    this.ask(() => process.do(run), !isFromNear)
  }

  tell(run: () => void, isFromNear: boolean): void {
    this.ask(run, isFromNear)
  }

  #links(isFromNear: boolean): readonly [LinkState, LinkState] {
    const { near, far } = this.#options
    return isFromNear ? [near, far] : [far, near]
  }
}

class RelayedLines implements Carrier {
  readonly #process: Process
  readonly #first: Lines
  readonly #second: Lines
  #one: LineEnd | undefined

  constructor(process: Process, first: Lines, second: Lines) {
    this.#process = process
    this.#first = first
    this.#second = second
  }

  /** What comes by one link goes on by the other. */
  join(one: LineEnd, other: LineEnd, lagMs?: number): void {
    this.#one = one
    const forth = new Port(this.#process, this.#second)
    const back = new Port(this.#process, this.#first)
    forth.twin = back
    back.twin = forth
    this.#first.join(one, forth, lagMs)
    this.#second.join(other, back)
  }

  carry(from: LineEnd, segment: Segment): void {
    this.#linesOf(from).carry(from, segment)
  }

  drop(from: LineEnd): void {
    this.#linesOf(from).drop(from)
  }

  #linesOf(end: LineEnd): Lines {
    return end === this.#one ? this.#first : this.#second
  }
}

/** Where the relay takes what comes from one side, and puts it on the way to the other; no more than the other side reads. */
class Port implements LineEnd {
  readonly process: Process
  readonly isOver = false
  readonly #onward: Lines
  readonly #reads: (() => void)[] = []
  twin: Port | undefined

  constructor(process: Process, onward: Lines) {
    this.process = process
    this.#onward = onward
  }

  receive(segment: Segment, onRead: () => void): void {
    if (segment.kind === 'data') this.twin!.#reads.push(onRead)
    this.#onward.carry(this.twin!, segment)
  }

  arrived(): void {
    const onRead = this.#reads.shift()
    if (onRead !== undefined) this.process.do(onRead)
  }
}
