// The wall clock of one party jumps in the middle of a handoff, or is wrong from the start by less than certificates bear. Monotonic time goes on as it
// is, as on a real machine whose clock is set.

import { join } from 'node:path'
import process from 'node:process'
import { Fleet } from '../helpers/fleet.ts'
import type { ProgramOptions } from '../helpers/process.ts'
import { handOffUnderFault, parties, programOf, withFaultSeed } from './handoff-under-fault.ts'

const preload = join(import.meta.dirname, 'clock-preload.ts')

export function clockJumps(seed: number): Promise<void> {
  return withFaultSeed('a clock jumps', seed, async (random) => {
    const party = parties[seed % parties.length]!
    // A jump in the middle may be by days; one from the start on is within what certificates bear.
    const isLate = random.next() < 0.7
    const offsetMs = (random.next() < 0.5 ? -1 : 1) * random.integer(1, isLate ? 3 * 86_400_000 : 50_000)
    const program = withClock(offsetMs, isLate)
    await using fleet = await Fleet.start({ relay: 'lease: 1s', ...(party === 'relay' && { relayRuntime: program }) })
    const programs = party === 'relay' ? {} : { [party]: program }
    await handOffUnderFault({
      fleet,
      random,
      programs,
      async strike(struck) {
        if (isLate) programOf(struck, party)?.kill('SIGUSR2')
      },
    })
  })
}

/** A process whose wall clock is off, from its start or from a SIGUSR2 on. */
function withClock(offsetMs: number, isLate: boolean): ProgramOptions {
  return { runtime: [process.execPath, '--import', preload], env: { HEIRLOOM_TEST_CLOCK: JSON.stringify({ offsetMs, isLate }) } }
}
