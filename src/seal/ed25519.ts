// Ed25519 (RFC 8032) over node:crypto, for raw 32-byte keys. Nothing here knows what is signed: labels are put before it in signed.ts.

import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { assert } from '../errors.ts'

/** The DER heads of RFC 8410 that node:crypto wants before a raw key. */
const privateHead = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicHead = Buffer.from('302a300506032b6570032100', 'hex')

export const ed25519KeyBytes = 32
const ed25519SignatureBytes = 64

/** The private key of a seed of 32 bytes. */
export function ed25519Private(seed: Uint8Array): KeyObject {
  assert(seed.byteLength === ed25519KeyBytes, 'an Ed25519 seed has 32 bytes')
  return createPrivateKey({ key: Buffer.concat([privateHead, seed]), format: 'der', type: 'pkcs8' })
}

/** The raw public key, 32 bytes, of a private one. */
export function ed25519Public(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-ed25519KeyBytes))
}

/** The signature, 64 bytes. */
export function ed25519Sign(key: KeyObject, content: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, content, key))
}

/** Whether `signature` is that of `publicKey` over `content`. Bytes of a wrong length are no signature, never an error. */
export function ed25519Verify(publicKey: Uint8Array, content: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.byteLength !== ed25519KeyBytes || signature.byteLength !== ed25519SignatureBytes) return false
  const key = createPublicKey({ key: Buffer.concat([publicHead, publicKey]), format: 'der', type: 'spki' })
  return verify(null, content, key, signature)
}
