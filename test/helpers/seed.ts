// Randomness that can be had again: everything random in a test comes from one seed, and a test that fails says which.

import { randomInt } from 'node:crypto'
import process from 'node:process'

/** A small seeded generator of numbers in [0, 1) (mulberry32): good enough for tests, the same everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export class SeededRandom {
  readonly next: () => number

  constructor(seed: number) {
    this.next = seeded(seed)
  }

  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }
}

/** Runs `body` with a random of the seed in HEIRLOOM_SEED, or of a fresh one; when it fails, prints how to run the same again. */
export async function withSeed(body: (random: SeededRandom, seed: number) => Promise<void>): Promise<void> {
  const given = process.env.HEIRLOOM_SEED
  const seed = given === undefined ? randomInt(2 ** 32) : Number(given)
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw new Error(`HEIRLOOM_SEED="${given}" is not a whole number from 0 to ${2 ** 32 - 1}`)
  try {
    await body(new SeededRandom(seed), seed)
  } catch (thrown) {
    console.error(`\nThis failed with HEIRLOOM_SEED=${seed}; with that in its environment the test draws the same again.`)
    throw thrown
  }
}
