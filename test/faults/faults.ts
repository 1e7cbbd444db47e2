// All faults that real processes are put through, by name. Each takes a seed, which says when and how it strikes.

import { killDuringHandoff } from '../integration/kill.ts'
import { clockJumps } from './clock.ts'
import { fullHeir, fullRelay } from './full-disk.ts'
import { partition, slowLink } from './network.ts'
import { stopAndContinue } from './stop.ts'

export const faults: Readonly<Record<string, (seed: number) => Promise<void>>> = {
  'kill the relay': (seed) => killDuringHandoff('relay', seed),
  'kill the predecessor': (seed) => killDuringHandoff('predecessor', seed),
  'kill the successor': (seed) => killDuringHandoff('successor', seed),
  'stop and continue': stopAndContinue,
  'full disk at the relay': fullRelay,
  'full disk at the heir': fullHeir,
  partition,
  'slow link': slowLink,
  'clock jumps': clockJumps,
}
