// What an agent hands off at its notice, and how: the sources that its policy's action names, within the policy's limits, going on with what was sent
// ahead where that is all of it.

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

export interface Leaving extends Pick<HandoffOptions, 'membership' | 'node' | 'data' | 'relay' | 'events' | 'sources'> {
  readonly config: PeerConfig
  readonly options: PeerOptions
  readonly preshipping: Preshipping
}

export interface Departure {
  readonly reason: string
  readonly deadlineMs: number
  readonly deadline: Deadline
  /** What the policy's machine says of this one. */
  readonly how: PolicyAction | undefined
  /** About how much there is, until the sources have said. */
  readonly bytes: number | undefined
  readonly draft: HandoffDraft | undefined
}

export async function handOffAll(peer: Leaving, departure: Departure): Promise<{ result: HandoffResult; receipt: string }> {
  const { config, options, membership, node, data, relay, events, sources, preshipping } = peer
  const { reason, deadlineMs, deadline, how, bytes, draft } = departure
  const { policy } = config
  const limits = limitsOf(policy, how)
  const chosen = sources.filter(({ name }) => how?.sources?.includes(name) ?? true)
  const ahead = chosen.length === sources.length && limits.lanes.includes('store') ? await preshipping.take() : undefined
  const common = { membership, node, data, relay, clock: systemClock, events, draft }
  const { onProgress } = options
  const asked = { ...common, reason, deadlineMs, deadline, sources: chosen, limits, ...(onProgress && { onProgress }) }
  const wish = { worth: policy.worth, ...(bytes !== undefined && { bytes }) }
  return await handOffAfter({ ...asked, criteria: criteriaOf(config.sources), wish }, ahead)
}
