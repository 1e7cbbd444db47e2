// What every machine of a simulated world stands in.

import type { SeededRandom } from '../helpers/seed.ts'
import type { EventLoop } from './event-loop.ts'
import type { Network } from './network.ts'

export interface Surroundings {
  readonly loop: EventLoop
  readonly random: SeededRandom
  readonly network: Network
  readonly log: (text: string) => void
  /** An invariant doesn't hold: the run ends here. */
  readonly violation: (rule: string, detail: string) => void
}

/** Where a machine is reached. */
export function addressOf(peerId: string): string {
  return `/ip4/10.0.0.1/tcp/4001/p2p/${peerId}`
}
