// The content of packs: what goes in comes out, and what is no pack costs no more than its bytes.

import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FragmentHead } from '../../src/chunk/fragment-codec.ts'
import { decodePack, encodePack } from '../../src/chunk/pack.ts'
import {
  chunkBytesMax,
  chunkIdBytesMax,
  packBytesMax,
  packFragmentsMax,
  packReferencesMax,
  packsMax,
  originBytesMax,
  sourcesMax,
} from '../../src/limits/wire.ts'
import { PackHeadSchema } from '../../src/wire/gen/pack_pb.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { refused, survives } from '../helpers/refusal.ts'

const test = suite('packs')

const text = fc.string({ unit: 'binary', maxLength: 30 })
const bytes = fc.uint8Array({ maxLength: 50 })
const safe = fc.maxSafeNat()
const weight = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })

const fragment = fc
  .record({
    source: fc.nat(sourcesMax - 1),
    id: text,
    metadata: fc.boolean(),
    offset: fc.nat(2 ** 31 - 1),
    version: text,
    expiresAtMs: safe,
    readProbability: weight,
    attributes: bytes,
    body: bytes,
    rest: fc.nat(2 ** 31 - 1),
  })
  .map(({ body, rest, ...head }) => ({ head: { ...head, chunkBytes: head.offset + body.byteLength + rest }, body }))

const content = fc.record({
  barrier: fc.nat(packsMax - 1),
  sources: fc.array(
    fc.record({ source: fc.nat(sourcesMax - 1), name: text, kind: text, chunks: safe, bytes: safe, readProbability: weight }),
    { maxLength: 4 },
  ),
  fragments: fc.array(fragment, { maxLength: 8 }),
  superseded: fc.array(fc.nat(packsMax - 1), { maxLength: 10 }).map((numbers) => PackSet.of(numbers)),
  references: fc.array(
    fc.record({
      source: fc.nat(sourcesMax - 1),
      id: text,
      origin: text,
      bytes: fc.option(fc.nat(), { nil: undefined }),
      digest: fc.option(
        fc.uint8Array({ minLength: 32, maxLength: 32 }).map((digest) => Buffer.from(digest).toString('hex')),
        { nil: undefined },
      ),
      version: text,
      expiresAtMs: safe,
      readProbability: weight,
    }),
    { maxLength: 4 },
  ),
  receipt: fc.option(fc.record({ content: bytes, signature: bytes }, { noNullPrototype: true }), { nil: undefined }),
})

const joined = (pieces: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(pieces))

const nothing = new Uint8Array(0)
const someHead: FragmentHead = {
  source: 0,
  id: 'a',
  metadata: false,
  offset: 0,
  chunkBytes: 0,
  version: '',
  expiresAtMs: 0,
  readProbability: 1,
  attributes: nothing,
}

/** A pack of one fragment. */
function packWith(head: Partial<FragmentHead>, body = nothing): Uint8Array {
  return joined(encodePack({ barrier: 0, sources: [], fragments: [{ head: { ...someHead, ...head }, body }], superseded: new PackSet() }))
}

/** A pack whose head may say what no encoder of ours would. */
function packOf(head: MessageInitShape<typeof PackHeadSchema>, body = nothing): Uint8Array {
  return withHead(toBinary(PackHeadSchema, create(PackHeadSchema, head)), body)
}

function withHead(head: Uint8Array, body = nothing): Uint8Array {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, head.byteLength)
  return joined([length, head, body])
}

test('what goes in comes out', () => {
  fc.assert(
    fc.property(content, ({ receipt, ...rest }) => {
      const decoded = decodePack(joined(encodePack({ ...rest, ...(receipt && { receipt }) })))
      assert.is(decoded.barrier, rest.barrier)
      assert.equal(
        decoded.sources,
        rest.sources.map((each) => ({ ...each, readProbability: each.readProbability || 0 })),
      )
      assert.equal(
        decoded.fragments,
        rest.fragments.map(({ head, body }) => ({ ...head, readProbability: head.readProbability || 0, body })),
      )
      assert.equal([...decoded.superseded], [...rest.superseded])
      assert.equal(
        decoded.references,
        rest.references.map((each) => ({ ...each, readProbability: each.readProbability || 0 })),
      )
      assert.equal(decoded.receipt, receipt)
    }),
  )
})

test('references are bounded, and what is wrong with one makes the pack malformed', () => {
  const id = Buffer.from('a')
  refused(() => decodePack(packOf({ references: [{ id, source: sourcesMax }] })), 'malformed')
  refused(() => decodePack(packOf({ references: [{ id: Uint8Array.of(0xff) }] })), 'malformed')
  refused(() => decodePack(packOf({ references: [{ id, digest: new Uint8Array(31) }] })), 'malformed')
  refused(() => decodePack(packOf({ references: [{ id, origin: 'o'.repeat(originBytesMax + 1) }] })), 'too-large')
  refused(() => decodePack(packOf({ references: [{ id, bytes: BigInt(chunkBytesMax) + 1n }] })), 'too-large')
  refused(() => decodePack(packOf({ references: Array.from({ length: packReferencesMax + 1 }, () => ({ id })) })), 'too-large')
})

test('bodies are views of the pack, wherever it lies in its memory', () => {
  const plain = packWith({ chunkBytes: 3 }, Uint8Array.of(1, 2, 3))
  const within = new Uint8Array(plain.byteLength + 20)
  within.set(plain, 9)
  const [fragment] = decodePack(within.subarray(9, 9 + plain.byteLength)).fragments
  assert.equal([...fragment!.body], [1, 2, 3])
  assert.is(fragment!.body.buffer, within.buffer)
})

test('arbitrary bytes, and packs with any byte changed or the end cut off, never crash the decoder', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (plain) => void survives(() => decodePack(plain))))
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (head) => void survives(() => decodePack(withHead(head)))))
  fc.assert(
    fc.property(content, fc.nat(), fc.nat(255), ({ barrier, sources, fragments, superseded }, at, value) => {
      const plain = joined(encodePack({ barrier, sources, fragments, superseded }))
      survives(() => decodePack(plain.subarray(0, at % plain.byteLength)))
      plain[at % plain.byteLength] = value
      survives(() => decodePack(plain))
    }),
  )
})

test('bodies that do not add up exactly are refused', () => {
  fc.assert(
    fc.property(fc.array(fragment, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 20 }), (fragments, wrong) => {
      const plain = joined(encodePack({ barrier: 0, sources: [], fragments, superseded: new PackSet() }))
      refused(() => decodePack(joined([plain, new Uint8Array(wrong)])), 'malformed')
      const bodies = fragments.reduce((sum, { body }) => sum + body.byteLength, 0)
      if (bodies > 0) refused(() => decodePack(plain.subarray(0, plain.byteLength - Math.min(wrong, bodies))), 'malformed')
    }),
  )
  refused(() => decodePack(packOf({ fragments: [{ bytes: 0xffffffff, chunkBytes: 0xffffffffn }] })), 'malformed')
})

test('a head that says it is longer than the pack is refused', () => {
  for (const length of ['ffffffff', '00000001']) refused(() => decodePack(Buffer.from(length, 'hex')), 'malformed')
  refused(() => decodePack(new Uint8Array(3)), 'malformed')
  refused(() => decodePack(new Uint8Array(packBytesMax + 1)), 'too-large')
})

test('offsets, sizes and times that are no safe numbers are refused', () => {
  for (const value of [2n ** 53n, 2n ** 64n - 1n]) {
    for (const field of ['offset', 'chunkBytes', 'expiresAtMs']) {
      refused(() => decodePack(packOf({ fragments: [{ chunkBytes: 0n, [field]: value }] })), 'malformed')
    }
    for (const field of ['chunks', 'bytes']) refused(() => decodePack(packOf({ sources: [{ [field]: value }] })), 'malformed')
  }
})

test('fragments beyond their chunk, chunks, sources and barriers beyond their limits are refused', () => {
  refused(() => decodePack(packOf({ fragments: [{ bytes: 2, offset: 9n, chunkBytes: 10n }] }, new Uint8Array(2))), 'malformed')
  refused(() => decodePack(packOf({ fragments: [{ chunkBytes: BigInt(chunkBytesMax) + 1n }] })), 'too-large')
  refused(() => decodePack(packOf({ fragments: [{ source: sourcesMax }] })), 'malformed')
  refused(() => decodePack(packOf({ sources: [{ source: sourcesMax }] })), 'malformed')
  refused(() => decodePack(packOf({ barrier: packsMax })), 'malformed')
  refused(() => decodePack(packOf({ superseded: [5, 0] })), 'malformed')
  refused(() => decodePack(packOf({ superseded: [packsMax, 1] })), 'too-large')
})

test('an id is UTF-8 of a bounded length, both ways', () => {
  const longest = 'ä'.repeat(chunkIdBytesMax / 2)
  assert.is(decodePack(packWith({ id: longest })).fragments[0]!.id, longest)
  assert.is(decodePack(packWith({ id: '\ufeffa' })).fragments[0]!.id, '\ufeffa')
  refused(() => packWith({ id: `${longest}a` }), 'too-large')
  refused(() => packWith({ id: 'half \ud800' }), 'malformed')
  refused(() => decodePack(packOf({ fragments: [{ id: Uint8Array.of(0xff) }] })), 'malformed')
  refused(() => decodePack(packOf({ fragments: [{ id: new Uint8Array(chunkIdBytesMax + 1) }] })), 'too-large')
})

test('lists that are too long are refused before they take memory', () => {
  const many = (field: number, count: number) =>
    withHead(new Uint8Array(2 * count).map((_, index) => (index % 2 === 0 ? (field << 3) | 2 : 0)))
  assert.is(decodePack(many(3, packFragmentsMax)).fragments.length, packFragmentsMax)
  const before = process.memoryUsage().heapUsed
  refused(() => decodePack(many(3, packFragmentsMax + 1)), 'too-large')
  refused(() => decodePack(many(3, 2_000_000)), 'too-large')
  refused(() => decodePack(many(2, 2_000_000)), 'too-large')
  const numbers = new Uint8Array(4_000_000).fill(1)
  refused(
    () => decodePack(withHead(joined([Buffer.from('2a80928401', 'hex').subarray(0, 1), Buffer.from('8092f401', 'hex'), numbers]))),
    'too-large',
  )
  assert.ok(process.memoryUsage().heapUsed - before < 64 * 1024 * 1024)
  const one = { head: someHead, body: nothing }
  const fragments = Array.from({ length: packFragmentsMax + 1 }, () => one)
  refused(() => encodePack({ barrier: 0, sources: [], fragments, superseded: new PackSet() }), 'too-large')
})

test('hints that are no numbers do no harm', () => {
  const hinted = (readProbability: number, expiresAtMs: number) => decodePack(packWith({ readProbability, expiresAtMs })).fragments[0]!
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1]) assert.is(hinted(value, 0).readProbability, 0)
  assert.is(hinted(1, 1e300).expiresAtMs, Number.MAX_SAFE_INTEGER)
  assert.is(hinted(1, 12.7).expiresAtMs, 12)
  assert.is(hinted(1, Number.NaN).expiresAtMs, 0)
})

test('fields of later versions are ignored', () => {
  const unknown = Buffer.from('f2060378797a', 'hex')
  assert.is(decodePack(withHead(joined([toBinary(PackHeadSchema, create(PackHeadSchema, { barrier: 7 })), unknown]))).barrier, 7)
})

test.run()
