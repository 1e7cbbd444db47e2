// runs on: node, deno
// Noise's cryptography as Heirloom gives it to libp2p says the same as libp2p's own, in both directions.

import { randomBytes } from 'node:crypto'
import { defaultCrypto, pureJsCrypto } from '@chainsafe/libp2p-noise/crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Uint8ArrayList } from 'uint8arraylist'
import { createNoiseCrypto } from '../../src/net/noise-crypto.ts'

const test = suite("Noise's cryptography")

const bytes = (length: number) => new Uint8Array(randomBytes(length))
const own = createNoiseCrypto()
const [key, nonce] = [bytes(32), bytes(12)]
const flat = (sealed: Uint8Array | { subarray(): Uint8Array }) => Buffer.from(sealed.subarray())

for (const length of [0, 100, 1183, 1184, 65_519]) {
  for (const ad of [new Uint8Array(0), bytes(32)]) {
    test(`${length} bytes with ${ad.byteLength} bytes of additional data are sealed and opened as by libp2p's own`, () => {
      const plain = bytes(length)
      const sealed = flat(own.chaCha20Poly1305Encrypt(plain, nonce, ad, key))
      assert.equal(sealed, flat(defaultCrypto.chaCha20Poly1305Encrypt(plain, nonce, ad, key)))
      for (const crypto of [own, defaultCrypto]) {
        const opened = crypto.chaCha20Poly1305Decrypt(new Uint8Array(sealed), nonce, ad, key, new Uint8Array(sealed).subarray(0, length))
        assert.equal(flat(opened), Buffer.from(plain))
      }
    })
  }
}

test('what comes in pieces is sealed and opened like one piece', () => {
  const plain = bytes(50_000)
  const pieces = new Uint8ArrayList(plain.subarray(0, 7), plain.subarray(7, 30_000), plain.subarray(30_000))
  const sealed = flat(own.chaCha20Poly1305Encrypt(pieces as never, nonce, new Uint8Array(0), key))
  const list = new Uint8ArrayList(sealed.subarray(0, 20_000), sealed.subarray(20_000))
  assert.equal(flat(own.chaCha20Poly1305Decrypt(list as never, nonce, new Uint8Array(0), key)), Buffer.from(plain))
})

test('what was altered does not open, wherever it was', () => {
  for (const length of [100, 50_000]) {
    const sealed = flat(own.chaCha20Poly1305Encrypt(bytes(length), nonce, new Uint8Array(0), key))
    for (const at of [0, length >> 1, length, sealed.byteLength - 1]) {
      const altered = new Uint8Array(sealed)
      altered[at]! ^= 1
      assert.throws(() => own.chaCha20Poly1305Decrypt(altered, nonce, new Uint8Array(0), key, altered.slice(0, length)))
    }
  }
})

test('keys are derived as by libp2p', () => {
  for (const length of [0, 32]) {
    const [ck, ikm] = [bytes(32), bytes(length)]
    assert.equal(own.getHKDF(ck, ikm).map(flat), pureJsCrypto.getHKDF(ck, ikm).map(flat))
  }
})

test.run()
