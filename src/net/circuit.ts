// Circuits: connections of two peers through a relay that both have a link to, for peers that can't be dialled (circuit relay v2 of libp2p,
// https://github.com/libp2p/specs/blob/master/relay/circuit-v2.md). Noise goes from end to end, so the relay sees no more than it does otherwise.
// The protocol's own limits (128 KiB, 2 minutes) are lifted: a relay serves the peers that it has enrolled and nobody else.

import { circuitRelayServer, circuitRelayTransport, type CircuitRelayTransportComponents } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import type { Connection, ConnectionGater, Listener } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { circuitsMax, reservationMs, reservationsMax } from '../limits/link.ts'

/** Who may do what over a relay's circuits, by peer ids in text form. */
export interface CircuitRules {
  /** May others reach this peer through the relay? */
  mayReserve(peer: string): boolean
  /** May the first open a circuit to the second? */
  mayConnect(from: string, to: string): boolean
}

/** Only what is asked for is identified: on every new connection it would cost the first pack some ms, on both ends. */
const quietly = identify({ runOnConnectionOpen: false })

/** What libp2p needs so that a node uses circuits. */
export function circuitUser() {
  return {
    transports: [circuitRelayTransport()],
    services: { identify: quietly, circuits: (components: CircuitParts) => new Circuits(components) },
  }
}

/** What libp2p needs so that a node lends circuits. */
export function circuitServer(rules: CircuitRules) {
  let connections: CircuitParts['connectionManager'] | undefined
  const reservations = { maxReservations: reservationsMax, reservationTtl: reservationMs, applyDefaultLimit: false }
  const connectionGater: ConnectionGater = {
    denyInboundRelayReservation: (source) => !rules.mayReserve(source.toString()),
    denyOutboundRelayedConnection: (source, destination) =>
      circuitsOf(connections?.getConnections() ?? []) >= circuitsMax || !rules.mayConnect(source.toString(), destination.toString()),
  }
  const serve = circuitRelayServer({ reservations })
  const services = {
    circuits: (components: Parameters<typeof serve>[0]) => {
      connections = components.connectionManager
      return serve(components)
    },
  }
  return { connectionGater, services }
}

/** How many circuits go over these connections: each has one stream to its destination. */
function circuitsOf(connections: readonly Connection[]): number {
  const streams = connections.flatMap((connection) => connection.streams)
  return streams.filter(({ protocol }) => protocol === '/libp2p/circuit/relay/0.2.0/stop').length
}

type CircuitParts = Pick<CircuitRelayTransportComponents, 'transportManager' | 'upgrader' | 'connectionManager'>

/** Places at relays, through which others reach this node, each as long as the connection to its relay; and connections to others through theirs. */
export class Circuits {
  readonly #parts: CircuitParts
  #listener: Listener | undefined

  constructor(parts: CircuitParts) {
    this.#parts = parts
  }

  /** Throws what libp2p throws when the relay doesn't lend places, or refuses one. */
  async reserve(relayAddress: string): Promise<void> {
    this.#listener ??= this.#createListener()
    await this.#listener.listen(multiaddr(`${relayAddress}/p2p-circuit`))
  }

  /** A connection to the peer that the address names. Not by the dial queue, which would have it wait for a direct dial that hangs, and give one of the peer's known addresses for this one. */
  dial(address: Multiaddr, options: { signal: AbortSignal }): Promise<Connection> {
    return this.#parts.transportManager.dial(address, options)
  }

  /** One listener for all relays and all times: the transport manager would keep one for every reservation that was ever made. */
  #createListener(): Listener {
    const { transportManager, upgrader } = this.#parts
    const transport = transportManager.getTransports().find((each) => each[Symbol.toStringTag] === '@libp2p/circuit-relay-v2-transport')
    return transport!.createListener({ upgrader })
  }

  async stop(): Promise<void> {
    await this.#listener?.close()
  }
}
