// The orders that a simulation compares: each puts the cached pages in the order in which they would be sent.

import type { Forecast } from '../../src/plan/forecast.ts'
import { rankDescending, rankKeys } from '../../src/plan/rank.ts'
import type { KeyIndex } from './key-index.ts'

export const orderNames = ['forecast', 'lru', 'lfu', 'key', 'random', 'oracle'] as const

export type OrderName = (typeof orderNames)[number]

/** What a simulation knows at the notice; only the oracle may look at `reads`. */
export interface Moment {
  /** Of the cached pages, by place in `cached`, from the history alone. */
  readonly forecast: () => Forecast
  readonly keys: KeyIndex
  /** The cached pages, the most recently used first. */
  readonly cached: Uint32Array
  /** By page: its references before the notice. */
  readonly counts: Uint32Array
  /** By place in `cached`: its references in the horizon. */
  readonly reads: Uint32Array
  readonly seed: number
}

/** Places in `cached`, the page that goes first in front. Pages that an order can't tell apart go by recency. */
export const orders: Readonly<Record<OrderName, (moment: Moment) => Uint32Array>> = {
  forecast: ({ forecast }) => rankDescending(rankKeys(forecast().scores)),
  lru: ({ cached }) => Uint32Array.from(cached.keys()),
  lfu: ({ cached, counts }) => rankDescending(cached.map((page) => counts[page]!)),
  key({ cached, keys }) {
    const places = new Uint32Array(keys.size)
    const wanted = new Uint8Array(keys.size)
    for (const [place, page] of cached.entries()) {
      places[page] = place
      wanted[page] = 1
    }
    return keys.inKeyOrder(wanted).map((page) => places[page]!)
  },
  random: ({ cached, seed }) => shuffled(cached.length, seed),
  oracle: ({ reads }) => rankDescending(reads),
}

/** 0 … length−1 in an order that the seed decides: keys from a hash of seed and place, put in order. */
function shuffled(length: number, seed: number): Uint32Array {
  const start = Math.imul(seed + 1, 0x9e3779b1)
  return rankDescending(
    Uint32Array.from({ length }, (_, place) => {
      const mixed = Math.imul((start + place) ^ ((start + place) >>> 15), 0x2c1b3c6d)
      return Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39) >>> 0
    }),
  )
}
