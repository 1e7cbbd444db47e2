// In which order the peers of a pool try its relays, whatever order their lists have: so they meet, and pools share the relays out.

import { parseAddress } from '../src/net/node.ts'
import { peerBytes } from '../src/seal/identity.ts'
import { relayRank } from '../src/seal/relay-rank.ts'

/** The relays of a list of multiaddrs, the first to try first: of each its addresses in the order of the list. `pool` is the pool's id, 32 bytes. Throws `usage`. */
export function orderRelays(addresses: readonly string[], pool: Uint8Array): string[][] {
  const byRelay = Map.groupBy(addresses, (address) => parseAddress(address).peer)
  const ranked = [...byRelay].map(([relay, ofRelay]) => ({ ofRelay, rank: relayRank(peerBytes(relay), pool) }))
  return ranked.toSorted((a, b) => Buffer.compare(b.rank, a.rank)).map(({ ofRelay }) => ofRelay)
}
