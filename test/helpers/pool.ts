// A pool with one member, made anew: what most tests of sealing start from.

import { issueCertificate } from '../../src/seal/certificate.ts'
import { createIdentity, type Identity } from '../../src/seal/identity.ts'
import { generatePool, type PoolSecret } from '../../src/seal/pool-key.ts'

/** A wall time in ms that no test depends on. */
export const nowMs = 1_800_000_000_000

export const hourMs = 60 * 60 * 1000

export interface Member {
  readonly pool: PoolSecret
  readonly identity: Identity
  /** Sends and receives, from `nowMs` for an hour. */
  readonly certificate: Uint8Array
}

export function makeMember(pool = generatePool('checkout')): Member {
  const identity = createIdentity()
  const certificate = issueCertificate(pool, { peer: identity.peer, may: ['send', 'receive'], issuedMs: nowMs, expiresMs: nowMs + hourMs })
  return { pool, identity, certificate }
}
