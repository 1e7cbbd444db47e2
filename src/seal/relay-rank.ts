// In which order the peers of a pool hold its relays: the same for all of them, and another for each pool. Rendezvous hashing (Thaler and
// Ravishankar, 1998): when a relay comes or goes, no other two change places.

import { createHash } from 'node:crypto'

/** 32 bytes; the relay with the highest comes first. `relay` is its peer id, `pool` the pool's id of 32 bytes. */
export function relayRank(relay: Uint8Array, pool: Uint8Array): Uint8Array {
  return createHash('sha256').update('heirloom/1 relay').update(pool).update(relay).digest()
}
