// What a handoff is given: how much time, which sources, within which limits.

import type { Clock } from '../../src/clock.ts'
import type { Deadline } from '../../src/deadline.ts'
import type { DataEnd } from '../../src/lane/data-end.ts'
import type { Criteria } from '../../src/plan/plan.ts'
import type { PolicyAction } from '../../src/plan/policy-machine.ts'
import type { Policy } from '../../src/plan/policy.ts'
import type { Wish } from '../../src/plan/rank-successors.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import type { Node } from '../../src/net/node.ts'
import type { Compress } from '../../src/seal/compression.ts'
import type { HandoffDraft } from '../../src/seal/handoff-header.ts'
import type { EventLog } from '../events.ts'
import type { Membership } from '../membership.ts'
import type { RelayLink } from '../relay-link.ts'
import type { HandoffProgress } from '../result.ts'
import type { Source } from '../source/source.ts'
import type { Allowance } from './allowance.ts'
import type { Standing } from './standing.ts'

export interface HandoffLimits {
  readonly lanes: readonly LaneKind[]
  /** Stop this long before the deadline. */
  readonly reserveMs: number
  readonly bytesMax: number | undefined
  readonly rateBytesPerSecondMax: number | undefined
  /** How long the relay keeps what nobody claims. */
  readonly keepMs: number
}

export interface HandoffOptions {
  /** What was sent ahead of the notice: the same handoff goes on. */
  readonly ahead?: Standing | undefined
  readonly reason: string
  /** From now. */
  readonly deadlineMs: number
  /** The same, if whoever hands it in may move it while the handoff runs. */
  readonly deadline?: Deadline
  readonly sources: readonly Source[]
  /** By which criteria each source goes, by its name. Without it: as it lists its chunks, and all alike. */
  readonly criteria?: (source: string) => Criteria
  readonly limits: HandoffLimits
  /** Of handoffs that run side by side: what the limits allow all of them. Without it: this one alone. */
  readonly allowance?: Allowance | undefined
  /** For choosing an heir: what the state is worth, which part of a divided state it is, and about how much, before that is known. */
  readonly wish?: Pick<Wish, 'bytes' | 'worth' | 'part'>
  readonly membership: Membership
  readonly node: Node
  /** For data sockets; without it packs take streams alone. */
  readonly data?: DataEnd | undefined
  readonly relay: RelayLink
  /** Packs are compressed when that moves them faster: on the runtime's own threads, unless told. */
  readonly compress?: Compress | 'never'
  readonly clock: Clock
  readonly random?: () => number
  readonly events: EventLog
  /** The handoff's key, if it was made before the notice. */
  readonly draft?: HandoffDraft | undefined
  readonly onProgress?: (progress: HandoffProgress) => void
}

/** Assumed before anything was measured: what a link of 1 Gbit/s moves. */
const assumedRateBytesPerSecond = 100e6

/** How fast it will go, and how much that is in all, by what is known at the notice. */
export function budgetOf({ deadlineMs, limits }: Pick<HandoffOptions, 'deadlineMs' | 'limits'>): {
  rateBytesPerSecond: number
  budgetBytes: number
} {
  const rateBytesPerSecond = limits.rateBytesPerSecondMax ?? assumedRateBytesPerSecond
  return { rateBytesPerSecond, budgetBytes: Math.min(limits.bytesMax ?? Infinity, Math.floor((rateBytesPerSecond * deadlineMs) / 1000)) }
}

/** What a new handoff's header is made of. */
export function headOf({ pool, identity, certificate, wrapping }: Membership, clock: Clock, draft?: HandoffOptions['draft']) {
  return { pool, identity, certificate: certificate(), nowMs: clock.nowMs(), draft, ...(wrapping && { wrapping }) }
}

/** What a policy lets a handoff do, and what its machine says of this one. */
export function limitsOf(policy: Policy, how?: PolicyAction): HandoffLimits {
  return {
    lanes: how?.lanes ?? policy.lanes,
    reserveMs: policy.reserveMs,
    bytesMax: policy.maxBytes,
    rateBytesPerSecondMax: how?.maxRateBytesPerSecond ?? policy.maxRateBytesPerSecond,
    keepMs: policy.keepMs,
  }
}
