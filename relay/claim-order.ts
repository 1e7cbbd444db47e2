// Which of two claims to one handoff holds. Relays don't speak with one another: predecessor and heirs carry claims from one to the next, and each
// relay keeps the highest that it has heard of (src/wire/PROTOCOL.md, "Several relays").

import { foreignEpochsMax } from '../src/limits/relay.ts'
import { relayRank } from '../src/seal/relay-rank.ts'
import { peerBytes } from '../src/seal/identity.ts'
import type { HandoffRecord } from './store/store.ts'

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

/** The claim that stands in a record of the relay `self`, and whether its heir is done; undefined when nobody holds it. */
export function claimIn(record: HandoffRecord | undefined, self: string): { claim: ForeignClaim; finished: boolean } | undefined {
  if (record?.heir === undefined) return undefined
  const { heir, epoch, finished, assignedBy = self } = record
  return { claim: { heir, epoch, assignedBy }, finished }
}

/** Whether a claim that another relay gave stands above what the relay `self` has in its record. */
export function isAbove(claim: ForeignClaim, record: HandoffRecord, self: string): boolean {
  const { epoch, assignedBy = self, key } = record
  // What it gave it knows itself; and nobody is to use up the numbers.
  if (claim.assignedBy === self || claim.epoch > epoch + foreignEpochsMax) return false
  return outranks(claim, { epoch, assignedBy }, key.pool)
}

/** By epoch, then by the rank of the relay that gave it. */
export function outranks(one: ClaimStamp, other: ClaimStamp, pool: string): boolean {
  if (one.epoch !== other.epoch) return one.epoch > other.epoch
  if (one.assignedBy === other.assignedBy) return false
  const poolId = Buffer.from(pool, 'hex')
  return Buffer.compare(relayRank(peerBytes(one.assignedBy), poolId), relayRank(peerBytes(other.assignedBy), poolId)) > 0
}
