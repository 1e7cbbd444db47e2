// What lies between two connected nodes, as their connection uses it: the link between their machines, or a circuit.

import { Lines, type LineEnd, type Segment } from './lines.ts'
import type { LinkState, NetworkOptions } from './network.ts'
import type { Process } from './process.ts'

/** Carries what the two ends of streams send. */
export interface Carrier {
  /** What the first sends takes so much longer. */
  join(one: LineEnd, other: LineEnd, lagMs?: number): void
  carry(from: LineEnd, segment: Segment): void
  /** Drops what was sent and hasn't left; what has left this machine may still arrive. */
  drop(from: LineEnd): void
}

export interface Path {
  /** The relay that it leads through. */
  readonly relay: string | undefined
  /** What is sent by whoever opens a transfer takes so much longer. */
  readonly transferLagMs: number
  /** For a stream that is opened by the near side, or by the far one. */
  lines(isFromNear: boolean): Carrier
  /** Calls when what one side asks has come to the other. */
  ask(run: () => void, isFromNear: boolean): void
  /** Calls in the asking process when the answer is there. */
  answer(process: Process, run: () => void, isFromNear: boolean): void
  /** Calls when the other side could know that the connection is over. */
  tell(run: () => void, isFromNear: boolean): void
}

export class DirectPath implements Path {
  readonly relay = undefined
  readonly #options: NetworkOptions
  readonly #link: LinkState
  readonly #lines: Lines

  constructor(options: NetworkOptions, link: LinkState) {
    this.#options = options
    this.#link = link
    this.#lines = new Lines(options, link)
  }

  get transferLagMs(): number {
    return this.#link.transferLagMs
  }

  lines(): Carrier {
    return this.#lines
  }

  ask(run: () => void): void {
    hop(this.#options, this.#link, run)
  }

  answer(process: Process, run: () => void): void {
    process.after(this.#link.latencyMs, run)
  }

  tell(run: () => void): void {
    const link = this.#link
    if (link.isCut) link.whenHealed.add(() => this.tell(run))
    else this.#options.loop.after(link.latencyMs, run)
  }
}

/** Calls when something has come over a link, for which it waits while that is cut. */
export function hop(options: Pick<NetworkOptions, 'loop' | 'random'>, link: LinkState, run: () => void): void {
  if (link.isCut) link.whenHealed.add(() => hop(options, link, run))
  else options.loop.after(link.latencyMs + options.random.next() * link.jitterMs, run)
}
