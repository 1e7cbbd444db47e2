// The tags of packs on a data socket (PROTOCOL.md, "Data sockets"): GMAC by AES-256. What was altered,
// left out, repeated or put in another order has a wrong tag.

import { timingSafeEqual } from 'node:crypto'
import { HeirloomError } from '../errors.ts'
import { Gmac, gmacTagBytes } from '../seal/gmac.ts'

export const packTagBytes = gmacTagBytes

export class PackTags {
  readonly #mac: Gmac
  #frames = 0n

  /** One for each direction of a socket: it counts the frames. */
  constructor(key: Uint8Array) {
    this.#mac = new Gmac(key)
  }

  /** The tag of the next frame. */
  next(body: readonly Uint8Array[]): Uint8Array {
    const nonce = new Uint8Array(12)
    new DataView(nonce.buffer).setBigUint64(4, this.#frames++)
    return this.#mac.tag(nonce, body)
  }

  /** Throws `unauthorised` when this isn't the tag of the next frame. */
  check(body: readonly Uint8Array[], tag: Uint8Array): void {
    if (!timingSafeEqual(this.next(body), tag)) throw new HeirloomError('unauthorised', 'a pack was altered on the data socket')
  }
}
