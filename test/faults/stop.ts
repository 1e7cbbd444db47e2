// A process is stopped (SIGSTOP) in the middle and goes on later: a VM that is frozen, migrated, or starved.

import { Fleet } from '../helpers/fleet.ts'
import { handOffUnderFault, parties, programOf, withFaultSeed } from './handoff-under-fault.ts'
import { lasting } from '../helpers/lasting.ts'

export function stopAndContinue(seed: number): Promise<void> {
  return withFaultSeed('stop and continue', seed, async (random) => {
    await using fleet = await Fleet.start({ relay: 'lease: 1s' })
    await handOffUnderFault({
      fleet,
      random,
      async strike(struck) {
        const program = programOf(struck, parties[seed % parties.length]!) ?? struck.fleet.relay!
        program.kill('SIGSTOP')
        await lasting(random.integer(100, 2500))
        program.kill('SIGCONT')
      },
    })
  })
}
