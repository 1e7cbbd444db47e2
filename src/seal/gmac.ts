// GMAC (NIST SP 800-38D): the tag of AES-GCM over no plaintext, which runs at several GB/s.

import { createCipheriv, createSecretKey, type CipherGCMTypes, type KeyObject } from 'node:crypto'
import { Scratch } from './scratch.ts'

export const gmacTagBytes = 16

export class Gmac {
  readonly #key: KeyObject
  readonly #algorithm: CipherGCMTypes
  readonly #scratch = new Scratch()

  /** A key of 16 or 32 bytes, for AES-128 or AES-256. */
  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key)
    this.#algorithm = key.byteLength === 16 ? 'aes-128-gcm' : 'aes-256-gcm'
  }

  /** The tag of these pieces, one after the other; at most packBytesMax bytes. The nonce has 12 bytes. */
  tag(nonce: Uint8Array, pieces: readonly Uint8Array[]): Buffer {
    const cipher = createCipheriv(this.#algorithm, this.#key, nonce, { authTagLength: gmacTagBytes })
    // In one piece: not every runtime takes additional data in several and gives the same tag.
    cipher.setAAD(this.#scratch.join(pieces))
    cipher.final()
    return cipher.getAuthTag()
  }
}
