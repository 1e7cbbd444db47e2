// Runs one world from its seed to its end, and says what was violated, if anything was.

import process from 'node:process'
import { SeededRandom } from '../helpers/seed.ts'
import { Killed } from './process.ts'
import { drawDataWall } from './data-link.ts'
import { playScenario } from './scenario.ts'
import { World, type Violation } from './world.ts'

export interface SimulationRun {
  readonly seed: number
  readonly violation: Violation | undefined
  /** Events that ran. */
  readonly steps: number
  readonly virtualMs: number
  /** What happened, a line each; empty unless it was asked for. */
  readonly lines: readonly string[]
  readonly handoffs: number
}

/** After the faults: leases, orphans and retries run out in this time. */
const peaceMs = 200_000

export async function simulate(seed: number, { keepsLog = false } = {}): Promise<SimulationRun> {
  const random = new SeededRandom(seed)
  // The first numbers of neighbouring seeds are alike.
  for (let count = 0; count < 8; count++) random.next()
  const world = new World(random, {
    keepsLog,
    quotaBytes: random.next() < 0.1 ? random.integer(4_000, 60_000) : undefined,
    keepMsMax: random.next() < 0.1 ? 60_000 : 86_400_000,
    segmentBytes: 2 ** random.integer(8, 14),
    // Some packs have to wait for others then.
    roomBytes: random.next() < 0.25 ? random.integer(2_000, 6_000) : undefined,
    hasData: random.next() < 0.8,
    dataWall: drawDataWall(random),
    relays: seed % 3 === 2 ? 2 : 1,
    isShippingAhead: Math.floor(seed / 3) % 4 === 1,
    isDivided: seed % 5 === 3,
    hasCircuits: seed % 7 === 1,
  })
  const onRejection = (thrown: unknown) => {
    if (!isOfTheDead(thrown))
      world.violate('no promise fails unheard', thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown))
  }
  process.on('unhandledRejection', onRejection)
  process.on('uncaughtException', onRejection)
  try {
    const { faultsEndMs } = playScenario(world)
    let checks = 0
    const isOver = () => {
      world.check()
      if (world.violation !== undefined) return true
      return world.loop.nowMs > faultsEndMs + 1000 && checks++ % 64 === 0 && world.isQuiet()
    }
    await world.loop.run(faultsEndMs + peaceMs, isOver)
    if (world.violation === undefined) world.checkEnd()
  } finally {
    process.off('unhandledRejection', onRejection)
    process.off('uncaughtException', onRejection)
    world.end()
  }
  const { violation, loop, lines, truths } = world
  return { seed, violation, steps: loop.steps, virtualMs: loop.nowMs, lines, handoffs: truths.size }
}

function isOfTheDead(thrown: unknown): boolean {
  return thrown instanceof Killed || (thrown instanceof Error && thrown.cause instanceof Killed)
}
