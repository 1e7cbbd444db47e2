// The tags of packs on a data socket (PROTOCOL.md, "Data sockets"): AES-256-GCM over no plaintext, which runs at several GB/s. What was altered,
// left out, repeated or put in another order has a wrong tag.

import { createCipheriv, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto'
import { HeirloomError } from '../errors.ts'
import { Scratch } from '../seal/scratch.ts'

export const packTagBytes = 16

export class PackTags {
  readonly #key: KeyObject
  readonly #scratch = new Scratch()
  #frames = 0n

  /** One for each direction of a socket: it counts the frames. */
  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key)
  }

  /** The tag of the next frame. */
  next(body: readonly Uint8Array[]): Uint8Array {
    const nonce = new Uint8Array(12)
    new DataView(nonce.buffer).setBigUint64(4, this.#frames++)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: packTagBytes })
    // In one piece: not every runtime takes additional data in several and gives the same tag.
    cipher.setAAD(this.#scratch.join(body))
    cipher.final()
    return cipher.getAuthTag()
  }

  /** Throws `unauthorised` when this isn't the tag of the next frame. */
  check(body: readonly Uint8Array[], tag: Uint8Array): void {
    if (!timingSafeEqual(this.next(body), tag)) throw new HeirloomError('unauthorised', 'a pack was altered on the data socket')
  }
}
