// A kind of faults: a world has some kinds, so that each is also seen without the others.

import type { SeededRandom } from '../../helpers/seed.ts'
import type { World } from '../world.ts'

/** Makes one thing fail, now or as soon as there is something to fail; it ends by itself. */
export type Fault = () => void

export interface FaultKind {
  readonly name: string
  /** The share of worlds that has it. */
  readonly probability: number
  /** One kind of a world is drawn as often as another, and of its faults one as often as another. */
  readonly faults: (world: World, faultsEndMs: number) => readonly Fault[]
}

export function pick<Item>(random: SeededRandom, items: readonly Item[]): Item {
  return items[random.integer(0, items.length - 1)]!
}

/** Either a short time or a long one, both up to their own bound. */
export function drawDurationMs(random: SeededRandom, shortMaxMs: number, longMaxMs: number): number {
  return random.next() * (random.next() < 0.8 ? shortMaxMs : longMaxMs)
}
