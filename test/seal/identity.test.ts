import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { inspect } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createIdentity, identityFromSeed, peerBytes, publicKeyOfPeer } from '../../src/seal/identity.ts'
import { isSigned, readSigned } from '../../src/seal/signed.ts'
import { refused } from '../helpers/refusal.ts'

const test = suite('identity')

test('has the peer id that libp2p gives the same seed', async () => {
  const identity = createIdentity()
  const theirs = peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', identity.seed))
  assert.is(identity.peerId, theirs.toString())
  assert.equal(identity.peer, theirs.toMultihash().bytes)
  assert.equal(identity.publicKey, theirs.publicKey.raw)
})

test('is the same again from its seed, and never twice by chance', () => {
  const identity = createIdentity()
  assert.is(identityFromSeed(identity.seed).peerId, identity.peerId)
  assert.is.not(createIdentity().peerId, identity.peerId)
})

test('does not show its seed to a logger', () => {
  const identity = createIdentity()
  const shown = JSON.stringify(identity) + JSON.stringify({ ...identity }) + inspect(identity, { depth: 5 })
  assert.not.match(shown, Buffer.from(identity.seed).toString('hex'))
  assert.not.match(shown, 'seed')
})

test('a seed of another length is refused', () => {
  refused(() => identityFromSeed(new Uint8Array(31)), 'config')
})

test('a signature is good for its label, its content and its key only', () => {
  const identity = createIdentity()
  const content = new Uint8Array([1, 2, 3])
  const signature = identity.sign('heirloom/1 receipt', content)
  assert.ok(isSigned(identity.publicKey, 'heirloom/1 receipt', content, signature))
  assert.not.ok(isSigned(identity.publicKey, 'heirloom/1 header', content, signature))
  assert.not.ok(isSigned(identity.publicKey, 'heirloom/1 receipt', new Uint8Array([1, 2, 4]), signature))
  assert.not.ok(isSigned(createIdentity().publicKey, 'heirloom/1 receipt', content, signature))
  assert.not.ok(isSigned(identity.publicKey, 'heirloom/1 receipt', content, signature.subarray(1)))
  assert.not.ok(isSigned(new Uint8Array(3), 'heirloom/1 receipt', content, signature))
})

test('wrapped content comes apart again', () => {
  const identity = createIdentity()
  const { content, signature } = readSigned(identity.wrap('heirloom/1 header', new Uint8Array([7])))
  assert.equal([...content], [7])
  assert.equal(signature, identity.sign('heirloom/1 header', content))
})

test('text that is no Ed25519 peer id is refused with a hint', () => {
  const rsa = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'
  for (const text of ['', '12D3KooW', 'not a peer id', rsa, createIdentity().peerId.slice(1), '1'.repeat(64), '1'.repeat(1_000_000)]) {
    assert.ok(refused(() => peerBytes(text), 'malformed').hint)
  }
  refused(() => publicKeyOfPeer(new Uint8Array(38)), 'malformed')
})

test.run()
