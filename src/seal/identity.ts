// Who a peer is: an Ed25519 key. Its libp2p peer id is the identity multihash of the public key's protobuf form, so the key can be
// read from the id (libp2p specs, peer-ids).
//
// Invariant: an identity that is logged or turned into JSON doesn't show its seed.

import { base58btc } from 'multiformats/bases/base58'
import { randomBytes, type KeyObject } from 'node:crypto'
import { HeirloomError } from '../errors.ts'
import { ed25519KeyBytes, ed25519Private, ed25519Public } from './ed25519.ts'
import { signContent, wrapSigned, type Label } from './signed.ts'

/** Identity multihash of 36 bytes: a protobuf with key type 1 (Ed25519) and 32 bytes of key. */
const peerPrefix = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)

/** The text of an Ed25519 peer id has 52 characters; decoding takes time in the square of its length. */
const peerTextLengthMax = 64

export interface Identity {
  /** 32 bytes; the secret. */
  readonly seed: Uint8Array
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** The peer id's multihash bytes. */
  readonly peer: Uint8Array
  /** The peer id as text, 12D3KooW…. */
  readonly peerId: string
  /** The signature alone, 64 bytes. */
  sign(label: Label, content: Uint8Array): Uint8Array
  /** The content with its signature, as it travels. */
  wrap(label: Label, content: Uint8Array): Uint8Array
}

export function createIdentity(): Identity {
  return identityFromSeed(new Uint8Array(randomBytes(ed25519KeyBytes)))
}

/** Throws `config` for a seed that doesn't have 32 bytes. */
export function identityFromSeed(seed: Uint8Array): Identity {
  if (seed.byteLength !== ed25519KeyBytes) {
    throw new HeirloomError('config', `the seed of an identity has ${ed25519KeyBytes} bytes, not ${seed.byteLength}`)
  }
  return new KeyIdentity(seed)
}

class KeyIdentity implements Identity {
  readonly #seed: Uint8Array
  readonly #key: KeyObject
  readonly publicKey: Uint8Array
  readonly peer: Uint8Array
  readonly peerId: string

  constructor(seed: Uint8Array) {
    this.#seed = seed
    this.#key = ed25519Private(seed)
    this.publicKey = ed25519Public(this.#key)
    this.peer = peerOfPublicKey(this.publicKey)
    this.peerId = peerIdText(this.peer)
  }

  get seed(): Uint8Array {
    return this.#seed
  }

  sign(label: Label, content: Uint8Array): Uint8Array {
    return signContent(this.#key, label, content)
  }

  wrap(label: Label, content: Uint8Array): Uint8Array {
    return wrapSigned(this.#key, label, content)
  }
}

export function peerOfPublicKey(publicKey: Uint8Array): Uint8Array {
  return new Uint8Array([...peerPrefix, ...publicKey])
}

/** The raw Ed25519 key in a peer id; throws `malformed` for ids of other key types. */
export function publicKeyOfPeer(peer: Uint8Array): Uint8Array {
  const fits = peer.byteLength === peerPrefix.byteLength + ed25519KeyBytes && peerPrefix.every((byte, index) => peer[index] === byte)
  if (!fits) throw new HeirloomError('malformed', 'a peer id is not one of an Ed25519 key')
  return peer.slice(peerPrefix.byteLength)
}

export function peerIdText(peer: Uint8Array): string {
  return base58btc.baseEncode(peer)
}

/** A peer id's bytes; throws `malformed` for text that isn't the id of an Ed25519 key. */
export function peerBytes(text: string): Uint8Array {
  try {
    if (text.length > peerTextLengthMax) throw new HeirloomError('too-large', 'the text is too long for a peer id')
    const peer = base58btc.baseDecode(text)
    publicKeyOfPeer(peer)
    return peer
  } catch (thrown) {
    throw new HeirloomError('malformed', `${JSON.stringify(text.slice(0, 80))} is not a peer id of Heirloom`, {
      cause: thrown,
      hint: 'a peer id looks like 12D3KooW…; `heirloom identity` shows that of this machine',
    })
  }
}
