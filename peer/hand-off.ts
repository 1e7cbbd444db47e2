// What an agent hands off at its notice, and how: the sources that its policy's action names, to one heir or in parts to several, within the policy's
// limits, going on with what was sent ahead where that is all of it.

import { systemClock } from '../src/clock.ts'
import type { Deadline } from '../src/deadline.ts'
import { criteriaOf } from '../src/plan/manifest.ts'
import type { PolicyAction } from '../src/plan/policy-machine.ts'
import type { HandoffDraft } from '../src/seal/handoff-header.ts'
import type { PeerConfig } from './config/schema.ts'
import { limitsOf, type HandoffOptions } from './handoff/options.ts'
import { handOffAfter, type Preshipping } from './preshipping.ts'
import type { HandoffResult } from './result.ts'
import type { PeerOptions } from './running-peer.ts'
import { handOffParts } from './split/hand-off-parts.ts'
import type { Partition } from './split/partition.ts'

export interface Leaving extends Pick<HandoffOptions, 'membership' | 'node' | 'data' | 'relay' | 'events' | 'sources'> {
  readonly config: PeerConfig
  readonly options: PeerOptions
  readonly preshipping: Preshipping
  /** Of a state that goes to several heirs. */
  readonly partition: Partition | undefined
}

export interface Departure {
  readonly reason: string
  readonly deadlineMs: number
  readonly deadline: Deadline
  /** What the policy's machine says of this one. */
  readonly how: PolicyAction | undefined
  /** About how much there is, until the sources have said. */
  readonly bytes: number | undefined
  /** Made before, one for each part. */
  readonly drafts: readonly HandoffDraft[]
}

export async function handOffAll(peer: Leaving, departure: Departure): Promise<{ result: HandoffResult; receipt: string }> {
  const { config, options, membership, node, data, relay, events, sources, preshipping, partition } = peer
  const { reason, deadlineMs, deadline, how, bytes, drafts } = departure
  const { policy } = config
  const limits = limitsOf(policy, how)
  const chosen = sources.filter(({ name }) => how?.sources?.includes(name) ?? true)
  const aheads = chosen.length === sources.length && limits.lanes.includes('store') ? await preshipping.take() : []
  const common = { membership, node, data, relay, clock: systemClock, events }
  const { onProgress } = options
  const asked = { ...common, reason, deadlineMs, deadline, sources: chosen, limits, ...(onProgress && { onProgress }) }
  const wish = { worth: policy.worth, ...(bytes !== undefined && { bytes }) }
  const whole = { ...asked, criteria: criteriaOf(config.sources), wish }
  if (partition !== undefined) return await handOffParts({ ...whole, partition, aheads, drafts })
  return await handOffAfter({ ...whole, draft: drafts[0] }, aheads[0])
}
