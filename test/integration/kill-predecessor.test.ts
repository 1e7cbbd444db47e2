// time-out: 300 s
// SIGKILL for the predecessor at seeded moments of a handoff.

import { suite } from 'uvu'
import { killDuringHandoff } from './kill.ts'

const test = suite('kill -9 of the predecessor')

for (let seed = 1; seed <= 17; seed++) {
  test(`a handoff survives the death of the predecessor, seed ${seed}`, () => killDuringHandoff('predecessor', seed))
}

test.run()
