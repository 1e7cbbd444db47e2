import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { clockSkewMs, handoffHeaderBytesMax } from '../../src/limits/wire.ts'
import { issueCertificate } from '../../src/seal/certificate.ts'
import { checkHeader, createHandoff, draftHandoff, openHeader } from '../../src/seal/handoff-header.ts'
import type { Identity } from '../../src/seal/identity.ts'
import { generatePool, makePoolPublic, makePoolSecret } from '../../src/seal/pool-key.ts'
import { readSigned } from '../../src/seal/signed.ts'
import { HandoffHeaderSchema } from '../../src/wire/gen/seal_pb.ts'
import { hourMs, makeMember, nowMs } from '../helpers/pool.ts'
import { refused, refusedLater } from '../helpers/refusal.ts'

const test = suite('handoff header')
const { pool, identity, certificate } = makeMember()
const half = makePoolPublic(pool.name, pool.signingKey, pool.sealingKey)

const begin = () => createHandoff({ pool: half, identity, certificate, nowMs })

/** The header with some fields changed, and signed again by whoever. */
function altered(header: Uint8Array, signer: Identity, fields: object): Uint8Array {
  const content = fromBinary(HandoffHeaderSchema, readSigned(header).content)
  return signer.wrap('heirloom/1 header', toBinary(HandoffHeaderSchema, create(HandoffHeaderSchema, { ...content, ...fields })))
}

test('with the public half a handoff is made and checked, with the secret its key is opened', async () => {
  const { handoff, header, key } = await begin()
  const info = checkHeader(header, { pool: half, handoff, peer: identity.peer })
  assert.equal([info.handoff, info.predecessor, info.identityKey, info.createdMs], [handoff, identity.peer, identity.publicKey, nowMs])
  const opened = await openHeader(header, pool, handoff)
  assert.equal(opened.key, key)
  assert.is(opened.createdMs, nowMs)
})

test('no two handoffs have the same id or key', async () => {
  const [one, other] = await Promise.all([begin(), begin()])
  assert.not.equal(one.handoff, other.handoff)
  assert.not.equal(one.key, other.key)
})

test('what was drafted before the notice opens as any other, and is dated at the notice', async () => {
  const draft = await draftHandoff(half)
  const { handoff, header, key } = await createHandoff({ pool: half, identity, certificate, nowMs, draft })
  assert.equal([handoff, key], [draft.handoff, draft.key])
  const opened = await openHeader(header, pool, handoff)
  assert.equal([opened.key, opened.createdMs], [key, nowMs])
})

test('the header does not show the key', async () => {
  const { header, key } = await begin()
  assert.is(Buffer.from(header).indexOf(key), -1)
})

test('it is checked against its own time, so that it outlives its certificate', async () => {
  const late = { pool: half, identity, certificate, nowMs: nowMs + hourMs }
  assert.ok(checkHeader((await createHandoff(late)).header, { pool: half }))
})

test('a certificate that is expired, of another peer or only for receiving makes no handoff', async () => {
  const make = (more: object) => createHandoff({ pool: half, identity, certificate, nowMs, ...more })
  await refusedLater(make({ nowMs: nowMs + hourMs + clockSkewMs + 1 }), 'expired-certificate')
  await refusedLater(make({ certificate: makeMember(pool).certificate }), 'unauthorised')
  const receiver = issueCertificate(pool, { peer: identity.peer, may: ['receive'], issuedMs: nowMs, expiresMs: nowMs + hourMs })
  await refusedLater(make({ certificate: receiver }), 'unauthorised')
  await refusedLater(make({ pool: generatePool('other') }), 'foreign-pool')
})

test('a foreign pool, another handoff and another predecessor are refused', async () => {
  const { header } = await begin()
  refused(() => checkHeader(header, { pool: generatePool('checkout') }), 'foreign-pool')
  refused(() => checkHeader(header, { pool, handoff: new Uint8Array(16) }), 'unauthorised')
  refused(() => checkHeader(header, { pool, peer: makeMember().identity.peer }), 'unauthorised')
  await refusedLater(openHeader(header, pool, new Uint8Array(16)), 'unauthorised')
})

test('a header that another member signed in the name of the predecessor is refused', async () => {
  const { header } = await begin()
  refused(() => checkHeader(altered(header, makeMember(pool).identity, {}), { pool }), 'unauthorised')
})

test("another member's identity does not go with the predecessor's certificate", async () => {
  const { header } = await begin()
  const thief = makeMember(pool).identity
  refused(() => checkHeader(altered(header, thief, { identity: thief.publicKey }), { pool }), 'unauthorised')
})

test('fields of a wrong size, times out of bounds and later versions are refused', async () => {
  const { header } = await begin()
  const check = (fields: object) => () => checkHeader(altered(header, identity, fields), { pool })
  refused(check({ version: 2 }), 'unsupported')
  for (const field of ['handoff', 'identity', 'encapsulated', 'wrapped']) refused(check({ [field]: new Uint8Array(17) }), 'malformed')
  refused(check({ certificate: new Uint8Array(0) }), 'foreign-pool')
  refused(check({ createdMs: 2n ** 64n - 1n }), 'expired-certificate')
  refused(() => checkHeader(new Uint8Array(handoffHeaderBytesMax + 1), { pool }), 'too-large')
})

test('a key that was wrapped for something else does not open', async () => {
  const [one, other] = await Promise.all([begin(), begin()])
  const { encapsulated, wrapped } = fromBinary(HandoffHeaderSchema, readSigned(other.header).content)
  await refusedLater(openHeader(altered(one.header, identity, { encapsulated, wrapped }), pool), 'unauthorised')
  await refusedLater(openHeader(altered(one.header, identity, { wrapped: new Uint8Array(48) }), pool), 'unauthorised')
  // All zeros is a point of small order, which the key agreement must not accept.
  await refusedLater(openHeader(altered(one.header, identity, { encapsulated: new Uint8Array(32) }), pool), 'unauthorised')
})

test('a pool with the same signing key but another sealing key is another pool', async () => {
  const { header } = await begin()
  const twin = makePoolSecret(pool.name, pool.signingSeed, generatePool('twin').sealingSecret)
  await refusedLater(openHeader(header, twin), 'foreign-pool')
})

test.run()
