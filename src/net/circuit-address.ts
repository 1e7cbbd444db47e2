// Addresses and connections that lead through a relay (multiaddr, circuit relay v2).

import type { Connection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Where a peer is reached through a relay at which it keeps a place. */
export function circuitAddress(relayAddress: string, peer: string): string {
  return `${relayAddress}/p2p-circuit/p2p/${peer}`
}

/** Whether an address, or a connection by its address, leads through a relay. */
export function isCircuit(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'p2p-circuit')
}

/** The connection to a peer of the wanted kind, if there is one. */
export function openConnection(connections: readonly Connection[], peer: PeerId, throughRelay: boolean): Connection | undefined {
  return connections.find(
    ({ status, remotePeer, remoteAddr }) => status === 'open' && remotePeer.equals(peer) && isCircuit(remoteAddr) === throughRelay,
  )
}
