import { create, toBinary } from '@bufbuild/protobuf'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { certificateBytesMax, clockSkewMs } from '../../src/limits/wire.ts'
import { checkCertificate, issueCertificate, poolOfCertificate } from '../../src/seal/certificate.ts'
import { identityFromSeed } from '../../src/seal/identity.ts'
import { generatePool, makePoolPublic } from '../../src/seal/pool-key.ts'
import { CertificateSchema } from '../../src/wire/gen/seal_pb.ts'
import { hourMs, makeMember, nowMs } from '../helpers/pool.ts'
import { refused } from '../helpers/refusal.ts'

const test = suite('certificate')
const { pool, identity, certificate } = makeMember()

test('is valid for its peer and what it lets it do', () => {
  const info = checkCertificate(certificate, { pool, peer: identity.peer, atMs: nowMs, needs: 'send' })
  assert.equal([info.may, info.issuedMs, info.expiresMs], [['send', 'receive'], nowMs, nowMs + hourMs])
  assert.is(poolOfCertificate(certificate), pool.idHex)
})

test('a foreign pool is refused', () => {
  assert.ok(refused(() => checkCertificate(certificate, { pool: generatePool('checkout'), atMs: nowMs }), 'foreign-pool').hint)
})

test('one that another key signed for this pool is refused', () => {
  const forger = identityFromSeed(generatePool('forger').signingSeed)
  const content = create(CertificateSchema, {
    version: 1,
    pool: pool.id,
    peer: forger.peer,
    may: 3,
    issuedMs: BigInt(nowMs),
    expiresMs: BigInt(nowMs + hourMs),
  })
  const forged = forger.wrap('heirloom/1 certificate', toBinary(CertificateSchema, content))
  refused(() => checkCertificate(forged, { pool, atMs: nowMs }), 'unauthorised')
})

test('one of another peer is refused', () => {
  refused(() => checkCertificate(certificate, { pool, peer: makeMember(pool).identity.peer, atMs: nowMs }), 'unauthorised')
})

test('an expired certificate is refused, and one that is not valid yet, with room for clocks that differ', () => {
  const check = (atMs: number) => checkCertificate(certificate, { pool, atMs })
  check(nowMs - clockSkewMs)
  check(nowMs + hourMs + clockSkewMs)
  assert.ok(refused(() => check(nowMs - clockSkewMs - 1), 'expired-certificate').hint)
  assert.ok(refused(() => check(nowMs + hourMs + clockSkewMs + 1), 'expired-certificate').hint)
})

test('one that lets its peer only receive is refused for sending', () => {
  const receiver = issueCertificate(pool, { peer: identity.peer, may: ['receive'], issuedMs: nowMs, expiresMs: nowMs + hourMs })
  assert.match(refused(() => checkCertificate(receiver, { pool, atMs: nowMs, needs: 'send' }), 'unauthorised').hint!, '--may send')
  assert.equal(checkCertificate(receiver, { pool, atMs: nowMs, needs: 'receive' }).may, ['receive'])
})

test('what the pool signed but nobody can read or use is refused', () => {
  const signer = identityFromSeed(pool.signingSeed)
  const times = { issuedMs: BigInt(nowMs), expiresMs: BigInt(nowMs + hourMs) }
  const make = (fields: object) => {
    const content = create(CertificateSchema, { version: 1, pool: pool.id, peer: identity.peer, may: 3, ...times, ...fields })
    return signer.wrap('heirloom/1 certificate', toBinary(CertificateSchema, content))
  }
  refused(() => checkCertificate(make({ version: 2 }), { pool, atMs: nowMs }), 'unsupported')
  refused(() => checkCertificate(make({ peer: new Uint8Array(10) }), { pool, atMs: nowMs }), 'malformed')
  refused(() => checkCertificate(make({ expiresMs: 2n ** 64n - 1n }), { pool, atMs: nowMs }), 'malformed')
  refused(() => checkCertificate(make({ issuedMs: 2n ** 60n }), { pool, atMs: nowMs }), 'malformed')
})

test('bits of permissions that are not known yet are ignored', () => {
  const content = create(CertificateSchema, {
    version: 1,
    pool: pool.id,
    peer: identity.peer,
    may: 0xff,
    issuedMs: BigInt(nowMs),
    expiresMs: BigInt(nowMs + 1),
  })
  const later = identityFromSeed(pool.signingSeed).wrap('heirloom/1 certificate', toBinary(CertificateSchema, content))
  assert.equal(checkCertificate(later, { pool, atMs: nowMs }).may, ['send', 'receive'])
})

test('a signature for another purpose is none', () => {
  const content = create(CertificateSchema, {
    version: 1,
    pool: pool.id,
    peer: identity.peer,
    may: 3,
    issuedMs: BigInt(nowMs),
    expiresMs: BigInt(nowMs + 1),
  })
  const header = identityFromSeed(pool.signingSeed).wrap('heirloom/1 header', toBinary(CertificateSchema, content))
  refused(() => checkCertificate(header, { pool, atMs: nowMs }), 'unauthorised')
})

test('the public half of the pool is enough to check', () => {
  const half = makePoolPublic(pool.name, pool.signingKey, pool.sealingKey)
  assert.ok(checkCertificate(certificate, { pool: half, atMs: nowMs }))
})

test('an oversized one is refused before it is read', () => {
  refused(() => checkCertificate(new Uint8Array(certificateBytesMax + 1), { pool, atMs: nowMs }), 'too-large')
  refused(() => poolOfCertificate(new Uint8Array(certificateBytesMax + 1)), 'too-large')
})

test('nonsense is not issued', () => {
  const peer = identity.peer
  refused(() => issueCertificate(pool, { peer: new Uint8Array(5), may: ['send'], issuedMs: nowMs, expiresMs: nowMs + 1 }), 'malformed')
  refused(() => issueCertificate(pool, { peer, may: ['send'], issuedMs: nowMs, expiresMs: nowMs }), 'usage')
  refused(() => issueCertificate(pool, { peer, may: ['send'], issuedMs: nowMs, expiresMs: Number.NaN }), 'usage')
})

test.run()
