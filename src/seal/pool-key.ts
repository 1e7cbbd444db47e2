// A pool's keys, and the three files that carry them: the secret (.key), its public half (.pub), and a certificate (.cert).
// All are small JSON texts whose field `heirloom` says what they are. Files are read and written elsewhere.
//
// Invariant: a pool secret that is logged or turned into JSON shows its public half only; no error message has a byte of a secret.

import { createHash, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { HeirloomError } from '../errors.ts'
import { certificateBytesMax, keyFileBytesMax } from '../limits/wire.ts'
import { ed25519Private, ed25519Public } from './ed25519.ts'

export interface PoolPublic {
  readonly name: string
  /** SHA-256 over the label and both public keys; 32 bytes. */
  readonly id: Uint8Array
  /** The id in hexadecimal. */
  readonly idHex: string
  /** Ed25519, 32 bytes: signs certificates. */
  readonly signingKey: Uint8Array
  /** X25519, 32 bytes: handoff keys are wrapped to it. */
  readonly sealingKey: Uint8Array
}

export interface PoolSecret extends PoolPublic {
  /** Ed25519, 32 bytes. */
  readonly signingSeed: Uint8Array
  /** X25519, 32 bytes. */
  readonly sealingSecret: Uint8Array
}

export type KeyFile =
  | { readonly kind: 'secret'; readonly pool: PoolSecret }
  | { readonly kind: 'public'; readonly pool: PoolPublic }
  | { readonly kind: 'certificate'; readonly pool: PoolPublic; readonly certificate: Uint8Array }

const namePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/i
const keyBytes = 32
/** The DER head of RFC 8410 that node:crypto wants before a raw X25519 secret. */
const x25519Head = Buffer.from('302e020100300506032b656e04220420', 'hex')
const whereFrom = 'make one with `heirloom keygen` or `heirloom certify`'

export function makePoolPublic(name: string, signingKey: Uint8Array, sealingKey: Uint8Array): PoolPublic {
  const id = new Uint8Array(createHash('sha256').update('heirloom/1 pool').update(signingKey).update(sealingKey).digest())
  return { name, id, idHex: Buffer.from(id).toString('hex'), signingKey, sealingKey }
}

/** The pool of these two secrets, of 32 bytes each: any bytes are a key, so they must be random ones. */
export function makePoolSecret(name: string, signingSeed: Uint8Array, sealingSecret: Uint8Array): PoolSecret {
  return new PoolKeys(
    makePoolPublic(name, ed25519Public(ed25519Private(signingSeed)), x25519Public(sealingSecret)),
    signingSeed,
    sealingSecret,
  )
}

/** A new pool. Throws `usage` for a name that isn't 1 to 64 letters, digits, dots, dashes and underscores. */
export function generatePool(name: string): PoolSecret {
  if (!namePattern.test(name)) {
    throw new HeirloomError('usage', `${JSON.stringify(name.slice(0, 80))} is not a name for a pool`, {
      hint: 'use 1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first',
    })
  }
  return makePoolSecret(name, new Uint8Array(randomBytes(keyBytes)), new Uint8Array(randomBytes(keyBytes)))
}

/** Its secrets are on the prototype, where neither JSON nor a logger looks for them. */
class PoolKeys implements PoolSecret {
  readonly name: string
  readonly id: Uint8Array
  readonly idHex: string
  readonly signingKey: Uint8Array
  readonly sealingKey: Uint8Array
  readonly #signingSeed: Uint8Array
  readonly #sealingSecret: Uint8Array

  constructor({ name, id, idHex, signingKey, sealingKey }: PoolPublic, signingSeed: Uint8Array, sealingSecret: Uint8Array) {
    this.name = name
    this.id = id
    this.idHex = idHex
    this.signingKey = signingKey
    this.sealingKey = sealingKey
    this.#signingSeed = signingSeed
    this.#sealingSecret = sealingSecret
  }

  get signingSeed(): Uint8Array {
    return this.#signingSeed
  }

  get sealingSecret(): Uint8Array {
    return this.#sealingSecret
  }
}

export function formatPoolSecret(pool: PoolSecret): string {
  return format('pool secret', pool, { signingSeed: base64(pool.signingSeed), sealingSecret: base64(pool.sealingSecret) })
}

export function formatPoolPublic(pool: PoolPublic): string {
  return format('pool public', pool, {})
}

export function formatCertificateFile(pool: PoolPublic, certificate: Uint8Array): string {
  return format('certificate', pool, { certificate: base64(certificate) })
}

/** Reads any of the three; `file` is for the messages. Throws `config` with what is wrong. */
export function parseKeyFile(text: string, file: string): KeyFile {
  const fields = parseFields(text, file)
  const kind = fields['heirloom']
  if (kind !== 'pool secret' && kind !== 'pool public' && kind !== 'certificate') throw notAKeyFile(file)
  const name = fields['pool']
  if (typeof name !== 'string' || !namePattern.test(name))
    throw new HeirloomError('config', `${file}: pool is missing or not a name`, { hint: whereFrom })
  const key = (field: string) => bytesOf(fields[field], `${file}: ${field}`, keyBytes, keyBytes)
  const pool = makePoolPublic(name, key('signingKey'), key('sealingKey'))
  if (kind === 'pool public') return { kind: 'public', pool }
  if (kind === 'certificate') {
    return { kind: 'certificate', pool, certificate: bytesOf(fields['certificate'], `${file}: certificate`, 1, certificateBytesMax) }
  }
  const secret = makePoolSecret(name, key('signingSeed'), key('sealingSecret'))
  if (secret.idHex === pool.idHex) return { kind: 'secret', pool: secret }
  throw new HeirloomError('config', `${file}: the secrets and the public keys don't belong together`, {
    hint: 'was the file edited by hand?',
  })
}

function parseFields(text: string, file: string): Record<string, unknown> {
  if (text.length > keyFileBytesMax) throw new HeirloomError('config', `${file} is too long for a key file`, { hint: whereFrom })
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // The parser's message would show a part of the text, which may be a secret.
  }
  throw notAKeyFile(file)
}

function notAKeyFile(file: string): HeirloomError {
  return new HeirloomError('config', `${file} is not a key, public key or certificate of Heirloom`, { hint: whereFrom })
}

/** Strict: a text that doesn't come out the same again was cut or edited, and Node's decoder would skip over that. */
function bytesOf(value: unknown, what: string, bytesMin: number, bytesMax: number): Uint8Array {
  const bytes = typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'base64')) : undefined
  if (bytes !== undefined && base64(bytes) === value && bytes.byteLength >= bytesMin && bytes.byteLength <= bytesMax) return bytes
  throw new HeirloomError('config', `${what} is missing, cut or not base64`, { hint: whereFrom })
}

function format(what: string, pool: PoolPublic, more: Record<string, string>): string {
  const fields = { heirloom: what, pool: pool.name, signingKey: base64(pool.signingKey), sealingKey: base64(pool.sealingKey), ...more }
  return `${JSON.stringify(fields, undefined, 2)}\n`
}

function x25519Public(secret: Uint8Array): Uint8Array {
  const key = createPrivateKey({ key: Buffer.concat([x25519Head, secret]), format: 'der', type: 'pkcs8' })
  return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-keyBytes))
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
