// Whom a relay lends circuits.

import type { CircuitRules } from '../src/net/circuit.ts'
import type { RelayCore } from './relay-core.ts'

/** They are for peers that are enrolled here, between two of one pool. */
export function circuitRules({ presence }: Pick<RelayCore, 'presence'>): CircuitRules {
  return {
    mayReserve: (peer) => presence.poolOf(peer) !== undefined,
    mayConnect: (from, to) => presence.poolOf(from) !== undefined && presence.poolOf(from) === presence.poolOf(to),
  }
}
