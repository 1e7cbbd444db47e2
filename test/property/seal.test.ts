// Nothing that is sealed or signed can be changed by a single bit, and no bytes at all crash what reads them.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkCertificate, poolOfCertificate } from '../../src/seal/certificate.ts'
import { checkHeader, createHandoff } from '../../src/seal/handoff-header.ts'
import { peerBytes, publicKeyOfPeer } from '../../src/seal/identity.ts'
import { compressPlain } from '../../src/seal/compression.ts'
import { packNumber, PackOpener, PackSealer } from '../../src/seal/pack-seal.ts'
import { formatCertificateFile, formatPoolPublic, formatPoolSecret, parseKeyFile } from '../../src/seal/pool-key.ts'
import { readSigned } from '../../src/seal/signed.ts'
import { makeMember, nowMs } from '../helpers/pool.ts'
import { survives } from '../helpers/refusal.ts'

const test = suite('sealing')
const { pool, identity, certificate } = makeMember()
const key = { key: new Uint8Array(32).fill(1), pool: pool.id, handoff: new Uint8Array(16) }

const joined = (pieces: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(pieces))

/** Every single bit of it, flipped one at a time. */
function* flipped(bytes: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
    const changed = bytes.slice()
    changed[bit >>> 3]! ^= 1 << (bit & 7)
    yield changed
  }
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0, index = 0; at < bytes.byteLength; index++) {
    const size = sizes[index % sizes.length]!
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}

test('a pack opens to what was sealed, however it was cut on the way', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 60 })),
      fc.nat(0xfffff),
      fc.boolean(),
      sizes,
      async (plain, number, compress, cuts) => {
        const sealed = new PackSealer(key).seal(number, plain, compress ? await compressPlain(joined(plain)) : undefined)
        const pieces = cut(joined(sealed.pieces), cuts)
        assert.is(packNumber(pieces), number)
        const opened = new PackOpener(key).open(pieces)
        assert.is(opened.number, number)
        assert.equal(opened.plain, joined(plain))
      },
    ),
  )
})

test('any bit flipped in a sealed pack is refused', async () => {
  const opener = new PackOpener(key)
  const plain = new Uint8Array(64).fill(7)
  for (const compressed of [undefined, await compressPlain(plain)]) {
    const sealed = joined(new PackSealer(key).seal(9, [plain], compressed).pieces)
    for (const changed of flipped(sealed)) assert.not.ok(survives(() => opener.open([changed])))
  }
})

test('any bit flipped in a certificate is refused', () => {
  for (const changed of flipped(certificate)) {
    assert.not.ok(survives(() => checkCertificate(changed, { pool, peer: identity.peer, atMs: nowMs })))
  }
})

test('any bit flipped in a handoff header is refused', async () => {
  const { header } = await createHandoff({ pool, identity, certificate, nowMs })
  for (const changed of flipped(header)) assert.not.ok(survives(() => checkHeader(changed, { pool })))
})

test('arbitrary bytes never crash what reads packs, certificates, headers and peer ids', () => {
  const opener = new PackOpener(key)
  const likely = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.uint8Array({ maxLength: 200 }).map((rest) => joined([Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1), rest])),
  )
  fc.assert(
    fc.property(fc.array(likely, { maxLength: 3 }), (pieces) => {
      survives(() => packNumber(pieces))
      assert.not.ok(survives(() => opener.open(pieces)))
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      survives(() => readSigned(bytes))
      survives(() => poolOfCertificate(bytes))
      assert.not.ok(survives(() => checkCertificate(bytes, { pool, atMs: nowMs })))
      assert.not.ok(survives(() => checkHeader(bytes, { pool })))
      survives(() => publicKeyOfPeer(bytes))
    }),
  )
})

test('what anybody signs, of any content, never crashes the checks', async () => {
  const { header } = await createHandoff({ pool, identity, certificate, nowMs })
  const content = readSigned(header).content
  fc.assert(
    fc.property(fc.nat(content.byteLength - 1), fc.uint8Array({ minLength: 1, maxLength: 12 }), (at, patch) => {
      const changed = content.slice()
      changed.set(patch.subarray(0, changed.byteLength - at), at)
      survives(() => checkHeader(identity.wrap('heirloom/1 header', changed), { pool }))
      survives(() => checkCertificate(identity.wrap('heirloom/1 certificate', changed), { pool, atMs: nowMs }))
    }),
  )
})

test('arbitrary text never crashes what reads key files and peer ids', () => {
  const texts = [formatPoolSecret(pool), formatPoolPublic(pool), formatCertificateFile(pool, certificate)]
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void survives(() => parseKeyFile(text, 'file'))))
  fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => void survives(() => peerBytes(text))))
  fc.assert(
    fc.property(fc.constantFrom(...texts), fc.nat(), fc.string({ minLength: 1, maxLength: 3 }), (text, at, patch) => {
      const from = at % text.length
      survives(() => parseKeyFile(text.slice(0, from) + patch + text.slice(from + patch.length), 'file'))
      assert.not.ok(survives(() => parseKeyFile(text.slice(0, at % (text.length - 2)), 'file')))
    }),
  )
})

test.run()
