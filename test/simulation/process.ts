// A process of the simulated world: it can be killed between any two steps, or in the middle of a file operation, and it can be stopped for a
// while. What it had begun goes nowhere then: its timers don't fire, its files and sockets answer nobody.

import type { Clock } from '../../src/clock.ts'
import type { SeededRandom } from '../helpers/seed.ts'
import type { EventLoop } from './event-loop.ts'

/** Thrown into the code of a process that is dead. Nobody outside ever sees what becomes of it. */
export class Killed extends Error {
  constructor() {
    super('this process was killed')
  }
}

/** The clocks of one machine: they drift, and the wall clock jumps. */
export class MachineClock {
  readonly #loop: EventLoop
  /** Ms that it counts in one virtual ms. */
  readonly rate: number
  #wallMs: number

  constructor(loop: EventLoop, { rate, wallMs }: { rate: number; wallMs: number }) {
    this.#loop = loop
    this.rate = rate
    this.#wallMs = wallMs
  }

  get monotonicMs(): number {
    return this.#loop.nowMs * this.rate
  }

  get wallMs(): number {
    return this.#wallMs + this.monotonicMs
  }

  jump(byMs: number): void {
    this.#wallMs += byMs
  }
}

export class Process {
  readonly name: string
  readonly loop: EventLoop
  readonly random: SeededRandom
  readonly clock: Clock
  /** Its machine lost its power: nobody says goodbye for it. */
  diedSilently = false
  readonly #onKilled = new Set<() => void>()
  #alive = true
  #stopped: (() => void)[] | undefined
  #stoppedAtMs = 0
  #stoppedMs = 0

  constructor(name: string, loop: EventLoop, random: SeededRandom, machine: MachineClock) {
    this.name = name
    this.loop = loop
    this.random = random
    this.clock = {
      nowMs: () => machine.wallMs,
      monotonicMs: () => machine.monotonicMs,
      // A runtime's timers have whole milliseconds: they fire a little early, or late.
      after: (delayMs, run) =>
        this.after(Math.max(1, delayMs - random.next()) / machine.rate + (random.next() < 0.1 ? random.next() * 5 : 0), run),
    }
  }

  get alive(): boolean {
    return this.#alive
  }

  /** How long it was stopped in all, until now. */
  get stoppedMs(): number {
    return this.#stoppedMs + (this.#stopped === undefined ? 0 : this.loop.nowMs - this.#stoppedAtMs)
  }

  /** As EventLoop.after, for as long as the process lives; while it is stopped, what is due waits. */
  after(delayMs: number, run: () => void): () => void {
    if (!this.#alive) return () => {}
    let isCancelled = false
    const cancel = this.loop.after(delayMs, () => {
      this.do(() => {
        if (!isCancelled) run()
      })
    })
    return () => {
      isCancelled = true
      cancel()
    }
  }

  /** Runs now if the process lives and runs, later if it is stopped, never if it is dead. */
  do(run: () => void): void {
    if (!this.#alive) return
    if (this.#stopped !== undefined) this.#stopped.push(run)
    else run()
  }

  /** Stops it, as SIGSTOP does, for so long. */
  stop(durationMs: number): void {
    if (!this.#alive || this.#stopped !== undefined) return
    this.#stopped = []
    this.#stoppedAtMs = this.loop.nowMs
    this.loop.after(durationMs, () => this.#continue())
  }

  #continue(): void {
    const waiting = this.#stopped ?? []
    this.#stopped = undefined
    this.#stoppedMs += this.loop.nowMs - this.#stoppedAtMs
    for (const run of waiting) this.loop.after(0, () => this.do(run))
  }

  /** The answer forgets it. */
  onKilled(run: () => void): () => void {
    this.#onKilled.add(run)
    return () => void this.#onKilled.delete(run)
  }

  kill({ silently = false } = {}): void {
    if (!this.#alive) return
    this.#alive = false
    this.diedSilently = silently
    for (const run of this.#onKilled) run()
  }

  /** For ports: a dead process's calls go nowhere. */
  assertAlive(): void {
    if (!this.#alive) throw new Killed()
  }
}
