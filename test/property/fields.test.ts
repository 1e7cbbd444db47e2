// The codecs by hand against the protobuf library: they write the same bytes, and read what the library reads or refuse what isn't sound.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { noTarget, typeByNumber, typeNumbers } from '../../peer/source/directory/entry.ts'
import { decodeAttributes, encodeAttributes } from '../../peer/source/directory/attributes.ts'
import { pathBytes, pathProblem } from '../../peer/source/directory/path.ts'
import { FragmentReader, writeFragment } from '../../src/chunk/fragment-codec.ts'
import { chunkBytesMax, chunkIdBytesMax, sourcesMax } from '../../src/limits/wire.ts'
import { FieldReader } from '../../src/wire/field-reader.ts'
import { FieldWriter } from '../../src/wire/field-writer.ts'
import { FileAttributesSchema, FragmentSchema, PackHeadSchema } from '../../src/wire/gen/pack_pb.ts'
import { readMessage } from '../../src/wire/message.ts'
import { refused, survives } from '../helpers/refusal.ts'

const test = suite('fields by hand')

const fragmentTag = 0x1a
const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const joined = (...pieces: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(pieces))

const text = fc.oneof(fc.string({ maxLength: 200 }), fc.string({ unit: 'binary', maxLength: 90 }))
const size = fc.oneof(fc.nat(200), fc.maxSafeNat())
const double = fc.oneof(fc.constantFrom(0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY), fc.double())

const head = fc.record({
  source: fc.nat(sourcesMax - 1),
  id: text,
  metadata: fc.boolean(),
  offset: size,
  chunkBytes: size,
  version: text,
  expiresAtMs: size,
  readProbability: double,
  attributes: fc.uint8Array({ maxLength: 200 }),
})

const attributes = fc.record({
  path: fc.oneof(
    text.filter((path) => path !== ''),
    fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  ),
  head: fc.record({
    type: fc.constantFrom('file', 'directory', 'link', 'name'),
    mode: fc.nat(0o7777),
    mtimeS: fc.integer({ min: -(2 ** 40) + 1, max: 2 ** 40 - 1 }),
    mtimeNs: fc.nat(1e9 - 1),
    size,
    offset: size,
    target: fc.uint8Array({ maxLength: 200 }),
    sparse: fc.constantFrom(undefined, true as const),
    extended: fc.option(fc.uint8Array({ maxLength: 50 }), { nil: undefined }),
  }),
})

/** Tags of both messages, and whatever else. */
const byte = fc.oneof(
  fc.constantFrom(0x08, 0x0a, 0x10, 0x12, 0x18, 0x20, 0x28, 0x30, 0x38, 0x3a, 0x40, 0x42, 0x48, 0x49, 0x52, 0, 1, 2, 3, 8, 0x80, 0xff),
  fc.nat(255),
)
const anything = fc.array(byte, { maxLength: 40 }).map((bytes) => Uint8Array.from(bytes))

test('a fragment is written as the library writes it', () => {
  fc.assert(
    fc.property(head, fc.nat(2 ** 32 - 1), (each, bytes) => {
      const writer = new FieldWriter()
      writeFragment(writer, fragmentTag, each, bytes)
      const fields = { offset: BigInt(each.offset), chunkBytes: BigInt(each.chunkBytes), expiresAtMs: BigInt(each.expiresAtMs), bytes }
      const fragment = { ...each, ...fields, id: Buffer.from(each.id) }
      assert.equal([...writer.finish()], [...toBinary(PackHeadSchema, create(PackHeadSchema, { fragments: [fragment] }))])
    }),
    { numRuns: 500 },
  )
})

/** Reads what stands alone as a fragment, with bodies of zeros. */
function readFragment(bytes: Uint8Array) {
  const writer = new FieldWriter()
  writer.bytes(fragmentTag, bytes)
  const plain = joined(bytes.byteLength === 0 ? bytesOf('1a00') : writer.finish(), new Uint8Array(1000))
  const reader = new FieldReader(plain, 'a head')
  reader.window(0, plain.byteLength - 1000)
  reader.tag()
  return new FragmentReader(plain, plain.byteLength - 1000).read(reader)
}

test('a fragment is read as the library reads it, whatever bytes it is', () => {
  let sound = 0
  const agrees = (bytes: Uint8Array) => {
    const library = { message: undefined as ReturnType<typeof create<typeof FragmentSchema>> | undefined }
    const isSound = survives(() => (library.message = readMessage(FragmentSchema, bytes, 'a fragment')))
    if (!isSound) return void refused(() => readFragment(bytes), 'malformed', 'too-large')
    const { $typeName, id, offset, chunkBytes, expiresAtMs, bytes: bodyBytes, readProbability, ...same } = library.message!
    void $typeName
    const isBounded =
      same.source < sourcesMax &&
      [offset, chunkBytes, expiresAtMs].every((value) => value <= BigInt(Number.MAX_SAFE_INTEGER)) &&
      chunkBytes <= BigInt(chunkBytesMax) &&
      offset + BigInt(bodyBytes) <= chunkBytes &&
      bodyBytes <= 1000 &&
      Buffer.from(Buffer.from(id).toString()).equals(id)
    if (!isBounded) return void refused(() => readFragment(bytes), 'malformed', 'too-large')
    sound++
    const { body, ...read } = readFragment(bytes)
    assert.is(body.byteLength, bodyBytes)
    assert.equal(read, {
      ...same,
      id: Buffer.from(id).toString(),
      offset: Number(offset),
      chunkBytes: Number(chunkBytes),
      expiresAtMs: Number(expiresAtMs),
      readProbability: Number.isFinite(readProbability) && readProbability > 0 ? readProbability : 0,
    })
  }
  fc.assert(fc.property(anything, agrees), { numRuns: 3000 })
  fc.assert(
    fc.property(head, fc.nat(1000), fc.nat(), byte, (each, bytes, at, value) => {
      const given = { ...each, id: Buffer.from(each.id), offset: 1n, chunkBytes: BigInt(bytes + 1), bytes, expiresAtMs: 7n }
      const right = toBinary(FragmentSchema, create(FragmentSchema, given))
      agrees(right)
      right[at % right.byteLength] = value
      agrees(right)
    }),
    { numRuns: 1000 },
  )
  assert.ok(sound > 1000)
})

test('attributes are written as the library writes them, and read back', () => {
  fc.assert(
    fc.property(attributes, ({ path, head }) => {
      const { type, size, offset, mtimeS, sparse = false, extended = noTarget, ...same } = head
      const message = { ...same, sparse, extended, path: pathBytes(path), type: typeNumbers[type] }
      const numbers = { size: BigInt(size), offset: BigInt(offset), mtimeS: BigInt(mtimeS) }
      const written = encodeAttributes(path, head)
      assert.equal([...written], [...toBinary(FileAttributesSchema, create(FileAttributesSchema, { ...message, ...numbers }))])
      agreesOnAttributes(written)
    }),
    { numRuns: 1000 },
  )
})

/** Answers whether the attributes were sound. */
function agreesOnAttributes(bytes: Uint8Array): boolean {
  const library = { message: undefined as ReturnType<typeof create<typeof FileAttributesSchema>> | undefined }
  const isSound = survives(() => (library.message = readMessage(FileAttributesSchema, bytes, 'attributes')))
  const decoded = decodeAttributes(bytes)
  if (!isSound) {
    assert.equal(decoded, { problem: 'its attributes do not decode' })
    return false
  }
  const { path, type: number, mode, mtimeS, mtimeNs, size, offset, target, sparse, extended } = library.message!
  const type = typeByNumber[number]
  const times = mtimeNs < 1e9 && mtimeS > -(2n ** 40n) && mtimeS < 2n ** 40n
  const sizes = size <= BigInt(Number.MAX_SAFE_INTEGER) && offset <= size
  const isWanted = pathProblem(path) === undefined && type !== undefined && times && sizes
  const isOutside = type === 'name' && pathProblem(target) !== undefined
  if (!isWanted || isOutside || (type === 'link' && (target.byteLength === 0 || target.includes(0)))) {
    assert.ok('problem' in decoded)
    return false
  }
  if ('problem' in decoded) throw new Error(decoded.problem)
  assert.equal([...pathBytes(decoded.path)], [...path])
  const numbers = { mtimeS: Number(mtimeS), size: Number(size), offset: Number(offset) }
  const added = { ...(sparse && { sparse }), ...(extended.byteLength > 0 && { extended }) }
  assert.equal(decoded.head, { type, mode: mode & 0o7777, mtimeNs, target, ...numbers, ...added })
  return true
}

test('attributes are read as the library reads them, whatever bytes they are', () => {
  let sound = 0
  const start = encodeAttributes('a', { type: 'file', mode: 0, mtimeS: 0, mtimeNs: 0, size: 0, offset: 0, target: noTarget })
  fc.assert(
    fc.property(anything, (bytes) => {
      agreesOnAttributes(bytes)
      if (agreesOnAttributes(joined(start, bytes))) sound++
    }),
    { numRuns: 3000 },
  )
  assert.ok(sound > 100)
})

test('a field of the wrong wire type is refused, an unknown one is skipped', () => {
  for (let number = 1; number <= 12; number++) {
    for (const type of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const bytes = joined(Uint8Array.of((number << 3) | type), new Uint8Array(9))
      const isSound = survives(() => readMessage(FragmentSchema, bytes, 'a fragment'))
      assert.is(
        survives(() => readFragment(bytes)),
        isSound,
        `field ${number} of type ${type}`,
      )
    }
  }
  for (const unknown of ['f80105', 'f9010102030405060708', 'fa0103616263', 'fb010801fc01', 'fd0101020304']) {
    assert.is(readFragment(bytesOf(`0807${unknown}`)).source, 7)
  }
  refused(() => readFragment(bytesOf('fb01'.repeat(101) + 'fc01'.repeat(101))), 'malformed')
})

test('numbers of more bits than their field has are read alike', () => {
  for (const varint of [
    'ffffffffffffffffff01',
    'ffffffffffffffffff7f',
    '8080808080808080807e',
    '808080808080808001',
    'ffffffffffffff7f',
    '8000',
  ]) {
    for (const tag of ['08', '18', '28']) {
      const bytes = bytesOf(`${tag}${varint}`)
      const library = fromBinary(FragmentSchema, bytes)
      const reader = new FieldReader(bytes, 'numbers')
      const number = reader.tag() >>> 3
      if (number === 3) assert.is(reader.bool(), library.metadata)
      else assert.is(reader.uint32(), number === 1 ? library.source : library.bytes)
    }
    const reader = new FieldReader(bytesOf(varint), 'numbers')
    const { offset } = fromBinary(FragmentSchema, bytesOf(`20${varint}`))
    assert.is(reader.uint64() > Number.MAX_SAFE_INTEGER, offset > BigInt(Number.MAX_SAFE_INTEGER))
  }
})

test('a writer grows as it must', () => {
  const writer = new FieldWriter(1)
  const long = 'ä'.repeat(chunkIdBytesMax / 2)
  const start = writer.begin(fragmentTag)
  writer.text(0x12, long, 'a text', chunkIdBytesMax)
  writer.bytes(0x52, new Uint8Array(100_000))
  writer.end(start)
  const { fragments } = fromBinary(PackHeadSchema, writer.finish())
  assert.is(Buffer.from(fragments[0]!.id).toString(), long)
  assert.is(fragments[0]!.attributes.byteLength, 100_000)
  refused(() => writer.text(0x12, `${long}a`, 'a text', chunkIdBytesMax), 'too-large')
  refused(() => writer.text(0x12, 'half \ud800', 'a text', chunkIdBytesMax), 'malformed')
})

test.run()
