// Which of two claims to one handoff holds. Relays don't speak with one another: predecessor and heirs carry claims from one to the next, and each
// relay keeps the highest that it has heard of (src/wire/PROTOCOL.md, "Several relays").

import { foreignEpochsMax } from '../src/limits/relay.ts'
import { relayRank } from '../src/seal/relay-rank.ts'
import { peerBytes } from '../src/seal/identity.ts'

/** Where a claim stands among those to the same handoff. */
export interface ClaimStamp {
  readonly epoch: number
  /** Peer id of the relay that gave the epoch. */
  readonly assignedBy: string
}

/** A claim that was given elsewhere, as its heir or its predecessor tells it. */
export interface ForeignClaim extends ClaimStamp {
  readonly heir: string
}

/** Whether `one` stands above `other`: by epoch, then by the rank of the relay that gave it. `pool` is its id in hexadecimal. */
export function outranks(one: ClaimStamp, other: ClaimStamp, pool: string): boolean {
  if (one.epoch !== other.epoch) return one.epoch > other.epoch
  if (one.assignedBy === other.assignedBy) return false
  const poolId = Buffer.from(pool, 'hex')
  return Buffer.compare(relayRank(peerBytes(one.assignedBy), poolId), relayRank(peerBytes(other.assignedBy), poolId)) > 0
}

/** Whether an epoch that is said to come from elsewhere can be believed: nobody is to use up the numbers. */
export function isNear(epoch: number, known: number): boolean {
  return epoch <= known + foreignEpochsMax
}
