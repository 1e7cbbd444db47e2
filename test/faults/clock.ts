// The wall clock of one party jumps in the middle of a handoff, or is wrong from the start by less than certificates bear. Monotonic time goes on as it
// is, as on a real machine whose clock is set.

import { join } from 'node:path'
import process from 'node:process'
import { Fleet } from '../helpers/fleet.ts'
import type { ProgramOptions } from '../helpers/process.ts'
import { handOffUnderFault, parties, withFaultSeed } from './handoff-under-fault.ts'

const preload = join(import.meta.dirname, 'clock-preload.ts')

/** A process whose wall clock is off by `offsetMs` from `afterMs` after its start on. */
export function withClock(afterMs: number, offsetMs: number): ProgramOptions {
  return { runtime: [process.execPath, '--import', preload], env: { HEIRLOOM_TEST_CLOCK: JSON.stringify({ afterMs, offsetMs }) } }
}

export function clockJumps(seed: number): Promise<void> {
  return withFaultSeed('a clock jumps', seed, async (random) => {
    const party = parties[seed % parties.length]!
    // A jump in the middle may be by days; one from the start on is within what certificates bear.
    const isLate = random.next() < 0.7
    const offsetMs = (random.next() < 0.5 ? -1 : 1) * random.integer(1, isLate ? 3 * 86_400_000 : 50_000)
    const program = withClock(isLate ? random.integer(600, 2500) : 0, offsetMs)
    await using fleet = await Fleet.start({ relay: 'lease: 1s', ...(party === 'relay' && { relayRuntime: program }) })
    await handOffUnderFault({ fleet, random, programs: party === 'relay' ? {} : { [party]: program }, strike: async () => {} })
  })
}
