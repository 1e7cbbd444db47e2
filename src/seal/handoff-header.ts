// The head of a handoff: whose it is, and its key wrapped to the pool by HPKE (RFC 9180, base mode; PROTOCOL.md, "Sealing").
// Base mode doesn't say who wrapped, so the predecessor signs the whole and shows its certificate.

import { create, toBinary } from '@bufbuild/protobuf'
import { AEAD_AES_256_GCM, CipherSuite, DecapError, DeserializeError, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256, OpenError } from 'hpke'
import { randomBytes } from 'node:crypto'
import { HeirloomError } from '../errors.ts'
import { handoffHeaderBytesMax } from '../limits/wire.ts'
import { HandoffHeaderSchema, type HandoffHeader } from '../wire/gen/seal_pb.ts'
import { readMessage } from '../wire/message.ts'
import { checkCertificate } from './certificate.ts'
import { peerOfPublicKey, type Identity } from './identity.ts'
import type { PoolPublic, PoolSecret } from './pool-key.ts'
import { isSigned, readSigned } from './signed.ts'

const version = 1
const handoffIdBytes = 16
const handoffKeyBytes = 32
const encapsulatedBytes = 32
/** The key and the tag of AES-256-GCM. */
const wrappedBytes = handoffKeyBytes + 16

export interface NewHandoff {
  /** 16 random bytes. */
  readonly handoff: Uint8Array
  readonly header: Uint8Array
  /** 32 bytes; never leaves memory unwrapped. */
  readonly key: Uint8Array
}

export interface HeaderInfo {
  /** 16 bytes. */
  readonly handoff: Uint8Array
  /** The predecessor's peer id bytes, and its key. */
  readonly predecessor: Uint8Array
  readonly identityKey: Uint8Array
  /** Wall time of the predecessor, in ms since 1970. */
  readonly createdMs: number
}

/** How a handoff's key gets from the predecessor to whoever holds the pool's secret. Production code has one: HPKE. */
export interface KeyWrapping {
  /** Where handoff ids and keys come from. */
  randomBytes(bytes: number): Uint8Array
  wrap(key: Uint8Array, pool: PoolPublic, info: Uint8Array): Promise<WrappedKey>
  /** Throws `unauthorised` for what was not wrapped to this pool and this handoff. */
  unwrap(wrapped: WrappedKey, pool: PoolSecret, info: Uint8Array): Promise<Uint8Array>
}

interface WrappedKey {
  /** 32 bytes. */
  readonly encapsulated: Uint8Array
  /** The key and a tag of 16 bytes. */
  readonly wrapped: Uint8Array
}

const hpkeWrapping: KeyWrapping = {
  randomBytes: (bytes) => new Uint8Array(randomBytes(bytes)),
  async wrap(key, pool, info) {
    const suite = createSuite()
    const publicKey = await suite.DeserializePublicKey(pool.sealingKey)
    const { encapsulatedSecret, ciphertext } = await suite.Seal(publicKey, key, { info })
    return { encapsulated: encapsulatedSecret, wrapped: ciphertext }
  },
  async unwrap({ encapsulated, wrapped }, pool, info) {
    const suite = createSuite()
    const privateKey = await suite.DeserializePrivateKey(pool.sealingSecret, false)
    const publicKey = await suite.DeserializePublicKey(pool.sealingKey)
    try {
      return new Uint8Array(await suite.Open({ privateKey, publicKey }, encapsulated, wrapped, { info }))
    } catch (thrown) {
      if (!(thrown instanceof OpenError || thrown instanceof DecapError || thrown instanceof DeserializeError)) throw thrown
      throw new HeirloomError('unauthorised', 'the handoff key does not open with this pool key', { cause: thrown })
    }
  },
}

function createSuite() {
  return new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM)
}

function infoOf(pool: PoolPublic, handoff: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.from('heirloom/1 handoff key\0'), pool.id, handoff]))
}

/** What of a handoff takes time and can be made before there is a notice: its id and its wrapped key. Used once. */
export interface HandoffDraft {
  readonly handoff: Uint8Array
  readonly key: Uint8Array
  readonly wrapped: WrappedKey
}

export async function draftHandoff(pool: PoolPublic, wrapping: KeyWrapping = hpkeWrapping): Promise<HandoffDraft> {
  const handoff = wrapping.randomBytes(handoffIdBytes)
  const key = wrapping.randomBytes(handoffKeyBytes)
  return { handoff, key, wrapped: await wrapping.wrap(key, pool, infoOf(pool, handoff)) }
}

/**
 * A new handoff of this identity. Throws what checkCertificate throws when the certificate isn't its own, can't send or isn't valid at `nowMs`
 * (wall time): a header with it would be refused everywhere.
 */
export async function createHandoff(options: {
  pool: PoolPublic
  identity: Identity
  certificate: Uint8Array
  nowMs: number
  wrapping?: KeyWrapping
  /** Made before, for this pool; without it one is made. */
  draft?: HandoffDraft | undefined
}): Promise<NewHandoff> {
  const { pool, identity, certificate, nowMs, wrapping, draft } = options
  checkCertificate(certificate, { pool, peer: identity.peer, atMs: nowMs, needs: 'send' })
  const { handoff, key, wrapped: box } = draft ?? (await draftHandoff(pool, wrapping))
  const { encapsulated, wrapped } = box
  const content = create(HandoffHeaderSchema, {
    version,
    pool: pool.id,
    handoff,
    createdMs: BigInt(Math.floor(nowMs)),
    identity: identity.publicKey,
    certificate,
    encapsulated,
    wrapped,
  })
  return { handoff, key, header: identity.wrap('heirloom/1 header', toBinary(HandoffHeaderSchema, content)) }
}

/**
 * Checks everything that the public half of the pool can check. Throws `malformed`, `too-large`, `unsupported`, `foreign-pool`, `unauthorised`,
 * and `expired-certificate` when the certificate wasn't valid at the time that the header says.
 */
export function checkHeader(header: Uint8Array, expected: { pool: PoolPublic; handoff?: Uint8Array; peer?: Uint8Array }): HeaderInfo {
  return check(header, expected).info
}

/** Checks the header and unwraps the handoff's key (32 bytes) with the pool's secret. Throws what checkHeader throws. */
export async function openHeader(
  header: Uint8Array,
  pool: PoolSecret,
  handoff?: Uint8Array,
  wrapping: KeyWrapping = hpkeWrapping,
): Promise<HeaderInfo & { key: Uint8Array }> {
  const { info, fields } = check(header, handoff === undefined ? { pool } : { pool, handoff })
  return { ...info, key: await wrapping.unwrap(fields, pool, infoOf(pool, info.handoff)) }
}

function check(header: Uint8Array, expected: { pool: PoolPublic; handoff?: Uint8Array; peer?: Uint8Array }) {
  const { pool, handoff, peer } = expected
  if (header.byteLength > handoffHeaderBytesMax)
    throw new HeirloomError('too-large', `a handoff header of ${header.byteLength} bytes is too long`)
  const { content, signature } = readSigned(header)
  const fields = readMessage(HandoffHeaderSchema, content, 'a handoff header')
  if (fields.version !== version) throw new HeirloomError('unsupported', `a handoff header has version ${fields.version}`)
  if (Buffer.compare(fields.pool, pool.id) !== 0) {
    throw new HeirloomError('foreign-pool', `the handoff is of another pool than ${pool.name}`, {
      hint: 'give both sides keys of the same pool',
    })
  }
  checkSizes(fields)
  const predecessor = peerOfPublicKey(fields.identity)
  const createdMs = Number(fields.createdMs)
  checkCertificate(fields.certificate, { pool, peer: predecessor, atMs: createdMs, needs: 'send' })
  if (!isSigned(fields.identity, 'heirloom/1 header', content, signature)) {
    throw new HeirloomError('unauthorised', 'the handoff header was not signed by its predecessor')
  }
  if (handoff !== undefined && Buffer.compare(fields.handoff, handoff) !== 0)
    throw new HeirloomError('unauthorised', 'the header is of another handoff')
  if (peer !== undefined && Buffer.compare(predecessor, peer) !== 0)
    throw new HeirloomError('unauthorised', 'the header is of another predecessor')
  return { info: { handoff: fields.handoff, predecessor, identityKey: fields.identity, createdMs }, fields }
}

function checkSizes({ handoff, identity, encapsulated, wrapped }: HandoffHeader): void {
  if (handoff.byteLength !== handoffIdBytes) throw new HeirloomError('malformed', `a handoff id has ${handoffIdBytes} bytes`)
  if (identity.byteLength !== 32) throw new HeirloomError('malformed', 'an identity key has 32 bytes')
  if (encapsulated.byteLength !== encapsulatedBytes || wrapped.byteLength !== wrappedBytes) {
    throw new HeirloomError('malformed', 'the wrapped key of a handoff has the wrong size')
  }
}
