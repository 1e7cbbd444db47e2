// Circuits of a simulated network (circuit relay v2): places that peers keep at relays, and connections of two peers through a relay that lends one.

import { circuitsMax } from '../../src/limits/link.ts'
import type { CircuitRules } from '../../src/net/circuit.ts'
import { CircuitPath } from './circuit-path.ts'
import { Connection, type ConnectionEnd } from './connection.ts'
import type { Network, SimulatedNode } from './network.ts'
import { hop } from './path.ts'

/** What a relay lends, for as long as its process lives. */
export class CircuitLender {
  readonly #rules: CircuitRules
  readonly #places = new Set<string>()
  readonly #lent = new Set<() => boolean>()

  constructor(rules: CircuitRules) {
    this.#rules = rules
  }

  reserves(peer: string): boolean {
    const may = this.#rules.mayReserve(peer)
    if (may) this.#places.add(peer)
    return may
  }

  lends(from: string, to: string): boolean {
    for (const isOpen of this.#lent) if (!isOpen()) this.#lent.delete(isOpen)
    return this.#places.has(to) && this.#lent.size < circuitsMax && this.#rules.mayConnect(from, to)
  }

  /** A circuit, for as long as it is one. */
  lent(isOpen: () => boolean): void {
    this.#lent.add(isOpen)
  }
}

/** A peer asks for its place at a relay; answers in its process whether it has one. */
export function reserveAt(network: Network, toRelay: ConnectionEnd, then: (isPlace: boolean) => void): void {
  const { options } = network
  const { node, other } = toRelay
  const link = network.link(node.peerId, other.node.peerId)
  hop(options, link, () =>
    other.node.process.do(() => {
      const isPlace = other.isOpen && other.node.lender?.reserves(node.peerId) === true
      hop(options, link, () => node.process.do(() => then(isPlace && toRelay.isOpen)))
    }),
  )
}

/** Through the relay that is at the other end of a connection to a peer that has its place there; answers in the dialling process. */
export function openCircuit(network: Network, toRelay: ConnectionEnd, peer: string, then: (near: ConnectionEnd | undefined) => void): void {
  const { options } = network
  const { node: near, other: atRelay } = toRelay
  const relay = atRelay.node
  const nearLink = network.link(near.peerId, relay.peerId)
  const farLink = network.link(relay.peerId, peer)
  const answer = (run: () => void) => hop(options, nearLink, () => near.process.do(run))
  hop(options, nearLink, () =>
    relay.process.do(() => {
      const onward = relay.connectionTo(peer)
      if (!atRelay.isOpen || onward === undefined || relay.lender?.lends(near.peerId, peer) !== true) return answer(() => then(undefined))
      const far = onward.other
      hop(options, farLink, () =>
        far.node.process.do(() => {
          const takes = far.isOpen && far.node.usesCircuits
          hop(options, farLink, () =>
            relay.process.do(() =>
              answer(() =>
                then(takes ? joined(network, { near, far: far.node, relay, legs: [toRelay, atRelay, onward, far] }) : undefined),
              ),
            ),
          )
        }),
      )
    }),
  )
}

interface Ends {
  readonly near: SimulatedNode
  readonly far: SimulatedNode
  readonly relay: SimulatedNode
  /** The ends of both connections to the relay, from near to far. */
  readonly legs: readonly [ConnectionEnd, ConnectionEnd, ConnectionEnd, ConnectionEnd]
}

/** The circuit, unless what it would go over is gone again. */
function joined(network: Network, { near, far, relay, legs }: Ends): ConnectionEnd | undefined {
  if (!near.listens || !far.listens || !relay.listens || !legs.every(({ isOpen }) => isOpen)) return undefined
  const { options } = network
  const farLink = network.link(far.peerId, relay.peerId)
  const nearLink = network.link(near.peerId, relay.peerId)
  const path = new CircuitPath({ network: options, relay: relay.peerId, process: relay.process, near: nearLink, far: farLink })
  const circuit = new Connection(network, near, far, path)
  relay.lender?.lent(() => [...legs, circuit.near, circuit.far].every(({ isOpen }) => isOpen))
  const [nearLeg, atRelay, onward, farLeg] = legs
  const why = 'the link to the relay is gone'
  nearLeg.onEnded(() => circuit.near.lose(why))
  farLeg.onEnded(() => circuit.far.lose(why))
  // The relay ends what went over a link that it has lost.
  atRelay.onEnded(() => hop(options, farLink, () => far.process.do(() => circuit.far.lose(why))))
  onward.onEnded(() => hop(options, nearLink, () => near.process.do(() => circuit.near.lose(why))))
  options.log('a circuit is open')
  return circuit.near
}
