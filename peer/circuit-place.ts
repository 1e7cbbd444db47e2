// Keeps a place at every relay for circuits, for as long as this peer may be somebody's heir: whoever can't dial it reaches it through the relay that
// they use, which needn't be the one that this peer does.

import type { Clock } from '../src/clock.ts'
import { asHeirloomError } from '../src/errors.ts'
import type { LaneKind } from '../src/lane/lane.ts'
import { circuitPlaceAfterMs } from '../src/limits/link.ts'
import type { LinkingNode } from '../src/net/node.ts'
import type { EventLog } from './events.ts'
import type { RelayLink } from './relay-link.ts'

/** Whether a peer that may use these lanes takes part in circuits. */
export function circuitUse(lanes: readonly LaneKind[]): 'use' | undefined {
  return lanes.includes('circuit') ? 'use' : undefined
}

export interface CircuitPlaceOptions {
  readonly node: LinkingNode
  readonly relays: readonly RelayLink[]
  readonly events: EventLog
  readonly clock: Clock
  /** The lanes that may be used. */
  readonly lanes: readonly LaneKind[]
}

/** Reserves after every enrolment, until it is disposed, if circuits may be used. What fails here costs the circuit lane and nothing else. */
export function keepCircuitPlaces({ relays, lanes, ...options }: CircuitPlaceOptions): Disposable {
  const places = new DisposableStack()
  if (lanes.includes('circuit')) for (const relay of relays) places.use(keepPlace(relay, options))
  return places
}

function keepPlace(relay: RelayLink, { node, events, clock }: Pick<CircuitPlaceOptions, 'node' | 'events' | 'clock'>): Disposable {
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
  let cancel = () => {}
  // What waits to be claimed comes first.
  const later = () => {
    cancel()
    cancel = clock.after(circuitPlaceAfterMs, () => void reserve())
  }
  if (relay.address !== undefined) later()
  const listening = relay.listen({ enrolled: later })
  return {
    [Symbol.dispose]() {
      cancel()
      listening[Symbol.dispose]()
    },
  }
}
