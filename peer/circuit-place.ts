// Keeps a place at the relay for circuits, for as long as this peer may be somebody's heir: whoever can't dial it reaches it through the relay.

import { asHeirloomError } from '../src/errors.ts'
import type { LinkingNode } from '../src/net/node.ts'
import type { EventLog } from './events.ts'
import type { RelayClient } from './relay-client.ts'

/** Reserves after every enrolment, until it is disposed. What fails here costs the circuit lane and nothing else. */
export function keepCircuitPlace({ node, relay, events }: { node: LinkingNode; relay: RelayClient; events: EventLog }): Disposable {
  const reserve = async () => {
    const { address } = relay
    if (address === undefined) return
    try {
      await node.reserve(address)
      events.emit('circuit-place', { relay: address })
    } catch (thrown) {
      events.emit('circuit-refused', { relay: address, reason: asHeirloomError(thrown).message })
    }
  }
  if (relay.address !== undefined) void reserve()
  return relay.listen({ enrolled: () => void reserve() })
}
