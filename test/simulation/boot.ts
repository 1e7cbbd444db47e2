// What a simulated VM's process opens when it starts, in the order in which the agent does.

import type { DataEnd } from '../../src/lane/data-end.ts'
import { circuitUse, keepCircuitPlaces } from '../../peer/circuit-place.ts'
import { EventLog } from '../../peer/events.ts'
import { HeirLink } from '../../peer/heir-link.ts'
import { InheritanceDesk } from '../../peer/inherit/desk.ts'
import { joinPool, type Membership } from '../../peer/membership.ts'
import { openData } from '../../peer/open-data.ts'
import type { Preshipping } from '../../peer/preshipping.ts'
import { orderRelays } from '../../peer/relay-order.ts'
import { Relays } from '../../peer/relays.ts'
import { simulatedWrapping } from './key-wrapping.ts'
import type { SimulatedNode } from './network.ts'
import type { PeerMachineOptions } from './peer-machine.ts'
import type { Process } from './process.ts'
import { shipAhead } from './ship-ahead.ts'
import { addressOf } from './surroundings.ts'

export interface Running {
  readonly process: Process
  readonly node: SimulatedNode
  readonly membership: Membership
  readonly relay: Relays
  readonly data: DataEnd
  readonly desk: InheritanceDesk
  readonly inheriting: AbortController
  readonly events: EventLog
  readonly preshipping: Preshipping | undefined
}

type OnEvent = Parameters<EventLog['listen']>[0]

export async function boot(process: Process, options: PeerMachineOptions, onEvent: OnEvent): Promise<Running> {
  const { surroundings, identity, isReachable, wall, dataWall, lanes, dialsFirst } = options
  const addresses = isReachable ? [addressOf(identity.peerId)] : []
  const node = surroundings.network.node(process, identity.peerId, { addresses, dataWall, wall, circuits: circuitUse(lanes) })
  const membership = join(process, options)
  const relay = link(process, options, { node, membership })
  const events = new EventLog(process.clock)
  events.listen(onEvent)
  const { clock } = process
  if (dialsFirst) void new HeirLink({ node, relay, events })
  keepCircuitPlaces({ node, relays: relay.each, events, clock, lanes })
  const desk = InheritanceDesk.open(node, clock)
  const data = await openData({ lanes, host: isReachable ? identity.peerId : undefined, port: 0, clock })
  const parts = { process, node, membership, relay, data, desk: await desk, inheriting: new AbortController(), events }
  return { ...parts, preshipping: shipAhead(parts, options) }
}

function join(process: Process, { surroundings, identity, pool, truths, name, sources, division }: PeerMachineOptions): Membership {
  const joined = joinPool({ kind: 'secret', pool }, identity, process.clock, 'receive')
  // One certificate a process: signing one for every link would be most of a simulation's work.
  const own = joined.certificate()
  const { random, loop } = surroundings
  const wrapping = simulatedWrapping({
    random,
    truths,
    owner: name,
    sources,
    division,
    nowMs: () => loop.nowMs,
    wallMs: () => process.clock.nowMs(),
  })
  return { ...joined, certificate: () => own, wrapping }
}

function link(
  process: Process,
  { surroundings, relays, pool, parts }: PeerMachineOptions,
  { node, membership }: Pick<Running, 'node' | 'membership'>,
): Relays {
  return new Relays({
    node,
    relays: orderRelays(relays, pool.id),
    certificate: () => membership.certificate(),
    clock: process.clock,
    random: () => surroundings.random.next(),
    ...(parts && { facts: () => ({ parts }) }),
  })
}
