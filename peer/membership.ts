// What a peer shows to others of its pool: an identity and a certificate for it. A peer that holds the pool secret signs its own.

import type { Clock } from '../src/clock.ts'
import { HeirloomError } from '../src/errors.ts'
import { checkCertificate, issueCertificate } from '../src/seal/certificate.ts'
import type { KeyWrapping } from '../src/seal/handoff-header.ts'
import type { Identity } from '../src/seal/identity.ts'
import type { KeyFile, PoolPublic, PoolSecret } from '../src/seal/pool-key.ts'

/** How long a certificate lasts that a peer signs for itself; it is made anew for every link. */
const ownCertificateMs = 24 * 60 * 60 * 1000

export interface Membership {
  readonly identity: Identity
  readonly pool: PoolPublic
  /** Present when this peer can inherit. */
  readonly secret: PoolSecret | undefined
  /** A certificate that is valid now. */
  certificate(): Uint8Array
  /** How handoff keys are wrapped: HPKE, unless told. */
  readonly wrapping?: KeyWrapping
}

/** Throws `config` for a file that can't make a member, and what is wrong with a certificate. */
export function joinPool(keyFile: KeyFile, identity: Identity, clock: Clock, needs: 'send' | 'receive'): Membership {
  const { pool } = keyFile
  if (keyFile.kind === 'secret') {
    const secret = keyFile.pool
    const certificate = () => {
      const issuedMs = clock.nowMs()
      return issueCertificate(secret, { peer: identity.peer, may: ['send', 'receive'], issuedMs, expiresMs: issuedMs + ownCertificateMs })
    }
    return { identity, pool, secret, certificate }
  }
  if (keyFile.kind === 'public' || needs === 'receive') {
    throw new HeirloomError('config', `pool ${pool.name}: this needs the pool's secret`, {
      hint: keyFile.kind === 'public' ? 'give the .key file, not the .pub' : 'a certificate alone is enough to send, not to receive',
    })
  }
  const { certificate } = keyFile
  checkCertificate(certificate, { pool, peer: identity.peer, atMs: clock.nowMs(), needs })
  return { identity, pool, secret: undefined, certificate: () => certificate }
}
