// What a pool lets one peer do, signed by the pool (PROTOCOL.md, "Sealing"). The relay needs only the pool's public half to check it.

import { create, toBinary } from '@bufbuild/protobuf'
import { HeirloomError } from '../errors.ts'
import { certificateBytesMax, clockSkewMs } from '../limits/wire.ts'
import { CertificateSchema, type Certificate } from '../wire/gen/seal_pb.ts'
import { readMessage } from '../wire/message.ts'
import { ed25519Private } from './ed25519.ts'
import { publicKeyOfPeer } from './identity.ts'
import type { PoolPublic, PoolSecret } from './pool-key.ts'
import { isSigned, readSigned, wrapSigned } from './signed.ts'

export type Permission = 'send' | 'receive'

const bits: Record<Permission, number> = { send: 1, receive: 2 }

/** The last moment that a Date can show, in ms. */
const timeMsMax = 8_640_000_000_000_000n

export interface CertificateInfo {
  /** The peer id's multihash bytes. */
  readonly peer: Uint8Array
  readonly may: readonly Permission[]
  /** Wall time, in ms since 1970; fractions are cut off. */
  readonly issuedMs: number
  readonly expiresMs: number
}

export interface CertificateCheck {
  readonly pool: PoolPublic
  /** The peer id that the link has proved; without it the holder isn't checked. */
  readonly peer?: Uint8Array
  /** Wall time at which it must be valid. */
  readonly atMs: number
  readonly needs?: Permission
}

/** Throws `malformed` for a peer whose id isn't that of an Ed25519 key, `usage` for a certificate that would end before it begins. */
export function issueCertificate(pool: PoolSecret, { peer, may, issuedMs, expiresMs }: CertificateInfo): Uint8Array {
  publicKeyOfPeer(peer)
  if (!(expiresMs > issuedMs)) throw new HeirloomError('usage', 'a certificate must expire after it is issued')
  const content = create(CertificateSchema, {
    version: 1,
    pool: pool.id,
    peer,
    may: may.reduce((sum, permission) => sum | bits[permission], 0),
    issuedMs: BigInt(Math.floor(issuedMs)),
    expiresMs: BigInt(Math.floor(expiresMs)),
  })
  return wrapSigned(ed25519Private(pool.signingSeed), 'heirloom/1 certificate', toBinary(CertificateSchema, content))
}

/** The pool that a certificate says it is of, in hexadecimal, unchecked: for finding whose key to check it with. Throws `malformed`, `too-large`. */
export function poolOfCertificate(bytes: Uint8Array): string {
  return Buffer.from(read(bytes).certificate.pool).toString('hex')
}

/** Checks all of it; throws `foreign-pool`, `expired-certificate`, `unauthorised`, `unsupported`, `malformed` or `too-large`. */
export function checkCertificate(bytes: Uint8Array, { pool, peer, atMs, needs }: CertificateCheck): CertificateInfo {
  const { certificate, content, signature } = read(bytes)
  if (Buffer.compare(certificate.pool, pool.id) !== 0) {
    throw new HeirloomError('foreign-pool', `the certificate is of another pool than ${pool.name}`, {
      hint: 'give both sides keys of the same pool',
    })
  }
  if (!isSigned(pool.signingKey, 'heirloom/1 certificate', content, signature)) {
    throw new HeirloomError('unauthorised', `the certificate was not signed by the key of pool ${pool.name}`)
  }
  const info = readInfo(certificate)
  if (peer !== undefined && Buffer.compare(info.peer, peer) !== 0) {
    throw new HeirloomError('unauthorised', 'the certificate is for another peer', {
      hint: 'certify the peer id that `heirloom identity` shows on this machine',
    })
  }
  if (atMs > info.expiresMs + clockSkewMs || atMs < info.issuedMs - clockSkewMs) {
    const span = `from ${new Date(info.issuedMs).toISOString()} to ${new Date(info.expiresMs).toISOString()}`
    throw new HeirloomError('expired-certificate', `the certificate is valid ${span}`, {
      hint: 'make a new one with `heirloom certify`, and check the clocks',
    })
  }
  if (needs !== undefined && !info.may.includes(needs)) {
    throw new HeirloomError('unauthorised', `the certificate doesn't let its peer ${needs}`, { hint: `certify it with --may ${needs}` })
  }
  return info
}

function readInfo({ version, peer, may, issuedMs, expiresMs }: Certificate): CertificateInfo {
  if (version !== 1) throw new HeirloomError('unsupported', `the certificate has version ${version}`)
  publicKeyOfPeer(peer)
  if (issuedMs > timeMsMax || expiresMs > timeMsMax) throw new HeirloomError('malformed', 'the times of a certificate are out of bounds')
  const permissions = (Object.keys(bits) as Permission[]).filter((permission) => (may & bits[permission]) !== 0)
  return { peer, may: permissions, issuedMs: Number(issuedMs), expiresMs: Number(expiresMs) }
}

function read(bytes: Uint8Array): { certificate: Certificate; content: Uint8Array; signature: Uint8Array } {
  if (bytes.byteLength > certificateBytesMax) throw new HeirloomError('too-large', `a certificate of ${bytes.byteLength} bytes is too long`)
  const { content, signature } = readSigned(bytes)
  return { certificate: readMessage(CertificateSchema, content, 'a certificate'), content, signature }
}
