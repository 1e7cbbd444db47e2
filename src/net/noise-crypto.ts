// What Noise computes with (libp2p's default, which is the platform's own cryptography), but for three costs. A raw key is made an
// object of the runtime's once and not for every frame of 64 KiB, which takes as long as a third of the deciphering; the ciphertext that
// Noise has put together already is deciphered in one call; and a handshake doesn't derive its keys in JavaScript.

import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import type { ICryptoInterface } from '@chainsafe/libp2p-noise'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import { Uint8ArrayList } from 'uint8arraylist'

const algorithm = 'chacha20-poly1305'
const tagBytes = 16

/** Below this size the default's own way, in WebAssembly, is faster. */
const smallBytes = 1200

/** Keys are remembered for as long as the session that they belong to holds them. */
export function createNoiseCrypto(): ICryptoInterface {
  const keys = new WeakMap<Uint8Array, KeyObject>()
  const keyOf = (raw: Uint8Array): KeyObject => {
    const known = keys.get(raw)
    if (known !== undefined) return known
    const key = createSecretKey(raw)
    keys.set(raw, key)
    return key
  }
  return {
    ...defaultCrypto,
    getHKDF(ck, ikm) {
      const derived = new Uint8Array(hkdfSync('sha256', ikm, ck, new Uint8Array(0), 96))
      return [derived.subarray(0, 32), derived.subarray(32, 64), derived.subarray(64)]
    },
    chaCha20Poly1305Encrypt(plaintext, nonce, ad, k) {
      if (plaintext.byteLength < smallBytes) return defaultCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, ad, k)
      const cipher = createCipheriv(algorithm, keyOf(k), nonce, { authTagLength: tagBytes })
      if (ad.byteLength > 0) cipher.setAAD(ad, { plaintextLength: plaintext.byteLength })
      const sealed = new Uint8ArrayList()
      for (const piece of plaintext instanceof Uint8Array ? [plaintext] : plaintext) sealed.append(cipher.update(piece))
      cipher.final()
      sealed.append(cipher.getAuthTag())
      // Noise brings its own copy of this class; the two know each other by a symbol that they share.
      return sealed as unknown as ReturnType<ICryptoInterface['chaCha20Poly1305Encrypt']>
    },
    chaCha20Poly1305Decrypt(ciphertext, nonce, ad, k, dst) {
      const textBytes = ciphertext.byteLength - tagBytes
      if (ciphertext.byteLength < smallBytes) return defaultCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, ad, k, dst)
      const decipher = createDecipheriv(algorithm, keyOf(k), nonce, { authTagLength: tagBytes })
      if (ad.byteLength > 0) decipher.setAAD(ad, { plaintextLength: textBytes })
      decipher.setAuthTag(ciphertext.subarray(textBytes))
      // `dst` is offered as memory to write to, and holds the ciphertext in one piece.
      const plain = decipher.update(dst?.byteLength === textBytes ? dst : ciphertext.subarray(0, textBytes))
      decipher.final()
      return plain
    },
  }
}
