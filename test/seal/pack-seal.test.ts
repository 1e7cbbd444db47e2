import { randomBytes } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packBytesMax, packBytesTarget, packsMax } from '../../src/limits/wire.ts'
import { compressPlain, expandPlain } from '../../src/seal/compression.ts'
import { packNumber, PackOpener, PackSealer, sealOverheadBytes, type PackKey } from '../../src/seal/pack-seal.ts'
import { refused } from '../helpers/refusal.ts'

const random = (bytes: number) => new Uint8Array(randomBytes(bytes))
const packKey = (): PackKey => ({ key: random(32), pool: random(32), handoff: random(16) })
const joined = (pieces: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(pieces))

const bytesOf = (pieces: readonly Uint8Array[]) => pieces.reduce((sum, piece) => sum + piece.byteLength, 0)

const test = suite('pack seal')
const key = packKey()

test('what was sealed opens to the same bytes, whatever its pieces', () => {
  const plain = [random(3), random(100_000), random(0), random(5), random(70_000), random(64 * 1024)]
  const sealed = new PackSealer(key).seal(7, plain)
  assert.is(sealed.bytes, joined(sealed.pieces).byteLength)
  assert.is(sealed.bytes, joined(plain).byteLength + sealOverheadBytes)
  const opened = new PackOpener(key).open(sealed.pieces)
  assert.is(opened.number, 7)
  assert.equal(opened.plain, joined(plain))
})

test('the sealed pack is its own: the plain pieces and later packs may overwrite what they will', () => {
  const sealer = new PackSealer(key)
  const opener = new PackOpener(key)
  const plain = [random(10), random(20)]
  const before = joined(plain)
  const first = sealer.seal(0, plain)
  for (const piece of plain) piece.fill(0)
  const second = sealer.seal(1, [random(40), random(50)])
  const opened = opener.open([joined(first.pieces).subarray(0, 20), joined(first.pieces).subarray(20)])
  opener.open(second.pieces)
  assert.equal(opened.plain, before)
})

test('memory of a sealed pack is given back when it is freed, once, and that of no other', () => {
  const sealer = new PackSealer(key)
  const seal = (number: number) => sealer.seal(number, [random(packBytesTarget)])
  const [first, second] = [seal(0), seal(1)]
  const kept = joined(second.pieces)
  first.free!()
  first.free!()
  assert.ok(bytesOf(first.pieces) < 100)
  seal(2)
  assert.equal(joined(second.pieces), kept)
})

test('memory of an opened pack is given back when it is freed, and that of no other; what does not open leaves nothing', () => {
  const [sealer, opener] = [new PackSealer(key), new PackOpener(key)]
  const plain = [random(packBytesTarget), random(packBytesTarget), random(packBytesTarget)]
  const sealed = plain.map((content, number) => sealer.seal(number, [content]).pieces)
  const altered = joined(sealed[2]!)
  altered[100]! ^= 1
  const first = opener.open(sealed[0]!)
  const second = opener.open(sealed[1]!)
  first.free()
  assert.is(first.plain.byteLength, 0)
  refused(() => opener.open([altered]), 'unauthorised')
  const third = opener.open(sealed[2]!)
  assert.equal(second.plain, plain[1])
  assert.equal(third.plain, plain[2])
})

test('a number is sealed once, in ascending order', () => {
  const sealer = new PackSealer(key)
  sealer.seal(5, [random(1)])
  for (const number of [5, 4, 0]) assert.throws(() => sealer.seal(number, [random(1)]), /second time/)
  assert.is(sealer.seal(6, []).number, 6)
})

test('a pack that would be too large, or beyond the last number, is refused before its number is used', () => {
  const sealer = new PackSealer(key)
  const most = new Uint8Array(packBytesMax - sealOverheadBytes)
  refused(() => sealer.seal(0, [most, new Uint8Array(1)]), 'too-large')
  refused(() => sealer.seal(0, [most, new Uint8Array(1)], new Uint8Array(10)), 'too-large')
  refused(() => sealer.seal(packsMax, []), 'too-large')
  const sealed = sealer.seal(0, [most])
  assert.is(sealed.bytes, packBytesMax)
  assert.is(new PackOpener(key).open(sealed.pieces).plain.byteLength, most.byteLength)
})

test('a pack of another handoff, pool or key does not open, nor under another number', () => {
  const { pieces } = new PackSealer(key).seal(3, [random(100)])
  for (const other of [packKey(), { ...key, handoff: random(16) }, { ...key, pool: random(32) }, { ...key, key: random(32) }]) {
    refused(() => new PackOpener(other).open(pieces), 'unauthorised')
  }
  const moved = joined(pieces)
  moved[7] = 4
  assert.is(packNumber([moved]), 4)
  refused(() => new PackOpener(key).open([moved]), 'unauthorised')
})

test('a version, flag or reserved bit that is not known is unsupported', () => {
  const bytes = joined(new PackSealer(key).seal(3, [random(100)]).pieces)
  for (const [at, value] of [
    [0, 2],
    [0, 0],
    [1, 2],
    [1, 0x81],
    [2, 1],
    [3, 1],
  ] as const) {
    const changed = bytes.slice()
    changed[at] = value
    refused(() => new PackOpener(key).open([changed]), 'unsupported')
  }
})

test('a pack that is torn, oversized or numbered beyond the last is refused', () => {
  const bytes = joined(new PackSealer(key).seal(3, [random(100)]).pieces)
  const opener = new PackOpener(key)
  for (const length of [0, 1, 8, sealOverheadBytes - 1]) refused(() => opener.open([bytes.subarray(0, length)]), 'malformed')
  for (const length of [sealOverheadBytes, 50, bytes.byteLength - 1])
    refused(() => opener.open([bytes.subarray(0, length)]), 'unauthorised')
  refused(() => opener.open([bytes, random(1)]), 'unauthorised')
  refused(() => opener.open([]), 'malformed')
  refused(() => packNumber([]), 'malformed')
  refused(() => opener.open([bytes, new Uint8Array(packBytesMax)]), 'too-large')
  const beyond = bytes.slice()
  new DataView(beyond.buffer).setUint32(4, packsMax)
  refused(() => packNumber([beyond]), 'too-large')
})

test('compressed packs are smaller and open to the same; what does not shrink stays as it is', async () => {
  const sealer = new PackSealer(key)
  const opener = new PackOpener(key)
  const plain = [new Uint8Array(Buffer.from('{"a":1}'.repeat(1000))), new Uint8Array(200_000)]
  const small = sealer.seal(0, plain, await compressPlain(joined(plain)))
  assert.ok(small.bytes < 5000)
  assert.equal(opener.open(small.pieces).plain, joined(plain))
  for (const [index, incompressible] of [random(50_000), random(1), new Uint8Array(0)].entries()) {
    const sealed = sealer.seal(1 + index, [incompressible], await compressPlain(incompressible))
    assert.is(sealed.bytes, incompressible.byteLength + sealOverheadBytes)
    assert.equal(opener.open(sealed.pieces).plain, incompressible)
  }
  const largest = new Uint8Array(packBytesMax - sealOverheadBytes)
  assert.is(opener.open(sealer.seal(9, [largest], await compressPlain(largest)).pieces).plain.byteLength, largest.byteLength)
})

test('a pack that expands beyond the limit, or is no zstd, costs no more than the limit', async () => {
  refused(() => expandPlain(new Uint8Array(zstdCompressSync(new Uint8Array(packBytesMax + 1)))), 'too-large')
  refused(() => expandPlain(new Uint8Array([1, 2, 3, 4, 5])), 'malformed')
  assert.is(expandPlain((await compressPlain(new Uint8Array(packBytesMax)))!).byteLength, packBytesMax)
})

test.run()
