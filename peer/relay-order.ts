// In which order the peers of a pool try its relays: the same for all of them, whatever order their lists have, so that they meet; and another for
// each pool, so that pools share the relays out. Rendezvous hashing (Thaler and Ravishankar, 1998): when a relay comes or goes, no other two change
// places.

import { createHash } from 'node:crypto'
import { parseAddress } from '../src/net/node.ts'
import { peerBytes } from '../src/seal/identity.ts'

/** Multiaddrs of relays, the first to try first; those of one relay stay in the order of the list. `pool` is the pool's id, 32 bytes. Throws `usage`. */
export function orderRelays(addresses: readonly string[], pool: Uint8Array): string[] {
  const ranked = addresses.map((address) => ({ address, score: scoreOf(parseAddress(address).peer, pool) }))
  return ranked.toSorted((a, b) => Buffer.compare(b.score, a.score)).map(({ address }) => address)
}

function scoreOf(relay: string, pool: Uint8Array): Uint8Array {
  return createHash('sha256').update('heirloom/1 relay').update(pool).update(peerBytes(relay)).digest()
}
