// The database behind the shop, simulated: every read takes a real delay on one of a few connections, and is counted.
// What it answers depends on the id alone, so that every shop of a demo sees the same data.

import { type Clock, delay } from '../../src/clock.ts'
import { seededRandom } from './random.ts'

export interface OriginOptions {
  readonly clock: Clock
  /** How long one read takes, in ms. */
  readonly latencyMs: number
  /** Reads that run at one time; the others wait, as they would for a connection of a pool. */
  readonly connections: number
}

export class Origin {
  readonly #options: OriginOptions
  readonly #waiting: (() => void)[] = []
  #busy = 0
  /** Reads so far. */
  reads = 0

  constructor(options: OriginOptions) {
    this.#options = options
  }

  /** The product's document, a few KiB of JSON text. */
  async product(id: number): Promise<string> {
    await this.#query()
    return productDocument(id)
  }

  /** The user's profile, which a new session starts from. */
  async profile(user: string): Promise<string> {
    await this.#query()
    return `profile of ${user}`
  }

  async #query(): Promise<void> {
    this.reads++
    // The shop bounds its requests in flight, and with them what waits here.
    if (this.#busy >= this.#options.connections) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#busy++
    try {
      await delay(this.#options.clock, this.#options.latencyMs)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#busy--
      else next()
    }
  }
}

const words = [
  'oak',
  'linen',
  'brass',
  'wool',
  'cedar',
  'glass',
  'copper',
  'slate',
  'hemp',
  'birch',
  'felt',
  'ash',
  'clay',
  'iron',
  'silk',
  'cork',
]

export function productDocument(id: number): string {
  const random = seededRandom(id)
  const word = () => words[Math.floor(random() * words.length)]!
  const reviews = Array.from({ length: 24 }, () => ({
    by: `u${Math.floor(random() * 1e6)}`,
    stars: 1 + Math.floor(random() * 5),
    text: Array.from({ length: 14 }, word).join(' '),
  }))
  return JSON.stringify({
    id,
    name: `${word()} ${word()} ${id}`,
    cents: 100 + Math.floor(random() * 1e5),
    stock: Math.floor(random() * 500),
    reviews,
  })
}
