// A few of each fault that isn't a kill; the kills are in test/integration. Many more: `npm run test:faults`. Needs root, for disks and networks of its
// own; without it, it fails and says so.
// time-out: 300 s

import { suite } from 'uvu'
import { faults } from './faults.ts'

const test = suite('faults')

const seeds: Readonly<Record<string, readonly number[]>> = {
  'stop and continue': [2, 3, 4],
  'full disk at the relay': [1],
  'full disk at the heir': [1],
  partition: [1, 2],
  'clock jumps': [1],
}

for (const [name, chosen] of Object.entries(seeds)) {
  for (const seed of chosen) test(`a handoff survives this: ${name}, seed ${seed}`, () => faults[name]!(seed))
}

test.run()
