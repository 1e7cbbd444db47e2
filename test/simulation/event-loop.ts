// Virtual time: everything that waits in a simulated world waits here. Between two events all microtasks run until none is left, so the order of
// everything follows from the order of the events, and that from the seed.

export interface ScheduledEvent {
  readonly atMs: number
  readonly order: number
  run: (() => void) | undefined
}

export class EventLoop {
  #nowMs = 0
  #order = 0
  /** A binary heap by time, then by the order of scheduling. */
  readonly #heap: ScheduledEvent[] = []
  /** Events that have run. */
  steps = 0
  readonly #turns: number

  /** `turns`: of the runtime's own loop, that an event gets: a second one where production code waits for the end of the first. */
  constructor({ turns = 1 } = {}) {
    this.#turns = turns
  }

  /** Virtual ms since the world began. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** The answer cancels it. */
  after(delayMs: number, run: () => void): () => void {
    const event: ScheduledEvent = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run }
    this.#push(event)
    return () => (event.run = undefined)
  }

  /** Resolves after `delayMs` of virtual time. */
  pass(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve))
  }

  /** Runs events until `isOver` says so after one, nothing is scheduled any more, or `untilMs` is reached. */
  async run(untilMs: number, isOver: () => boolean): Promise<void> {
    await this.#quiescence()
    for (;;) {
      const event = this.#heap[0]
      if (event === undefined || event.atMs > untilMs) return
      this.#pop()
      const { run } = event
      if (run === undefined) continue
      this.#nowMs = event.atMs
      this.steps++
      run()
      await this.#quiescence()
      if (isOver()) return
    }
  }

  /** When all microtasks have run, and the process has told of rejections that nobody handled. */
  async #quiescence(): Promise<void> {
    for (let turn = 0; turn < this.#turns; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap
    heap.push(event)
    let at = heap.length - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!isBefore(heap[at]!, heap[above]!)) return
      ;[heap[at], heap[above]] = [heap[above]!, heap[at]!]
      at = above
    }
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    heap[0] = last
    for (let at = 0; ;) {
      const left = 2 * at + 1
      const right = left + 1
      let least = at
      if (left < heap.length && isBefore(heap[left]!, heap[least]!)) least = left
      if (right < heap.length && isBefore(heap[right]!, heap[least]!)) least = right
      if (least === at) return
      ;[heap[at], heap[least]] = [heap[least]!, heap[at]!]
      at = least
    }
  }
}

function isBefore(one: ScheduledEvent, other: ScheduledEvent): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)
}
