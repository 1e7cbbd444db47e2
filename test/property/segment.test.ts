// Properties of the segment format, its scanner and the index: whatever is on the disk, a pack is served as it was put or not at all.

import { mkdir, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DiskFile } from '../../relay/store/disk.ts'
import { openDiskPackStore } from '../../relay/store/disk-pack-store.ts'
import { PackIndex } from '../../relay/store/pack-index.ts'
import { crcDigest, describedBytes, gmacDigest, quickestDigest, recordDigests } from '../../relay/store/record-digest.ts'
import { decodeRecordHeader, encodeRecordHeader, matchesHeader, recordHeaderBytes } from '../../relay/store/segment-format.ts'
import { scanSegment, type ScannedRecord } from '../../relay/store/segment-scan.ts'
import { packBytesMax, packsMax } from '../../src/limits/wire.ts'
import { makeTemp } from '../helpers/temp.ts'

const test = suite('segments')
const packNumber = fc.integer({ min: 0, max: packsMax - 1 })
const sealed = fc.uint8Array({ maxLength: 80 })
/** A few packs with different numbers. */
const packs = fc.uniqueArray(fc.tuple(packNumber, sealed), { selector: ([number]) => number, minLength: 1, maxLength: 6 })

/** Records of all versions, by turns. */
function segmentOf(contents: readonly (readonly [number, Uint8Array])[]): Buffer {
  const record = ([number, pack]: readonly [number, Uint8Array], at: number) => {
    return [encodeRecordHeader(number, pack.length, [pack], recordDigests[at % recordDigests.length]!), pack]
  }
  return Buffer.concat(contents.flatMap(record))
}

/** A file in memory that answers reads with as little as one byte less than asked, as a disk may. */
function fileOf(bytes: Uint8Array): DiskFile {
  const unused = () => Promise.reject(new Error('the scanner only reads'))
  return {
    async readv([piece], position) {
      const part = bytes.subarray(position, position + Math.max(1, piece!.length - 1))
      piece!.set(part)
      return part.length
    },
    size: async () => bytes.length,
    writev: unused,
    datasync: unused,
    truncate: unused,
    close: unused,
  }
}

async function scan(bytes: Uint8Array, verify: boolean) {
  const records: ScannedRecord[] = []
  const result = await scanSegment(fileOf(bytes), bytes.length, { verify, onRecord: (record) => records.push(record) })
  return { ...result, records }
}

test('a header is read as it was written, and vouches for its pack only', async () => {
  fc.assert(
    fc.property(packNumber, sealed, fc.integer({ min: 0, max: 79 }), fc.constantFrom(...recordDigests), (number, pack, at, kind) => {
      const cut = Math.min(at, pack.length)
      const header = decodeRecordHeader(encodeRecordHeader(number, pack.length, [pack.subarray(0, cut), pack.subarray(cut)], kind))!
      assert.is(header.kind, kind)
      assert.is(header.number, number)
      assert.is(header.bytes, pack.length)
      assert.ok(matchesHeader(header, pack))
      if (pack.length > 0) assert.not(matchesHeader(header, pack.with(cut % pack.length, pack[cut % pack.length]! ^ 1)))
    }),
  )
})

test('a header does not vouch for the pack of another record', () => {
  for (const kind of recordDigests) {
    const pack = [Buffer.from('the same bytes')]
    const described = (number: number) => encodeRecordHeader(number, 14, pack, kind).subarray(0, describedBytes)
    assert.is.not(kind.of(described(1), pack), kind.of(described(2), pack))
  }
})

test('records are as they are documented', () => {
  const pack = Buffer.from('a pack')
  const crc = encodeRecordHeader(7, 6, [pack], crcDigest)
  assert.is(Buffer.from(crc).toString('hex'), '484c504b010000000000000700000006837120a63b456cb0')
  const gmac = encodeRecordHeader(7, 6, [pack.subarray(0, 2), pack.subarray(2)], gmacDigest)
  assert.is(Buffer.from(gmac).toString('hex'), '484c504b020000000000000700000006f4eff2568f3b6fc4')
  assert.ok(recordDigests.includes(quickestDigest()))
})

test('arbitrary bytes never make the scanner fail, and what it reports lies within them', async () => {
  const junk = fc
    .array(fc.oneof(fc.uint8Array({ maxLength: 60 }), packs.map(segmentOf)), { maxLength: 6 })
    .map((parts) => Buffer.concat(parts))
  await fc.assert(
    fc.asyncProperty(junk, fc.boolean(), async (bytes, verify) => {
      const { records, end } = await scan(bytes, verify)
      let position = 0
      for (const { offset, bytes: length, number } of records) {
        assert.ok(offset >= position && number < packsMax && length <= packBytesMax)
        position = offset + recordHeaderBytes + length
      }
      assert.is(end, position)
      assert.ok(end <= bytes.length)
    }),
  )
})

test('a byte that changed anywhere costs at most the pack it lies in', async () => {
  await fc.assert(
    fc.asyncProperty(packs, fc.nat(), fc.integer({ min: 1, max: 255 }), async (contents, where, change) => {
      const bytes = segmentOf(contents)
      const at = where % bytes.length
      bytes[at]! ^= change
      const { records, damaged, end } = await scan(bytes, true)
      const found = new Map(
        records.map(({ number, offset, bytes: length }) => [
          number,
          bytes.subarray(offset + recordHeaderBytes, offset + recordHeaderBytes + length),
        ]),
      )
      assert.is(found.size, contents.length - 1)
      for (const [number, pack] of contents) if (found.has(number)) assert.equal(new Uint8Array(found.get(number)!), pack)
      assert.is(damaged, end < bytes.length ? 0 : 1)
    }),
  )
})

test('a record longer than the scanner’s buffer is read and checked', async () => {
  const large = new Uint8Array(700_000).fill(3)
  const bytes = segmentOf([
    [1, large],
    [2, Uint8Array.of(1)],
  ])
  assert.is((await scan(bytes, true)).records.length, 2)
  bytes[600_000]! ^= 1
  assert.equal(
    (await scan(bytes, true)).records.map(({ number }) => number),
    [2],
  )
  bytes[2]! ^= 1
  assert.equal(
    (await scan(bytes, false)).records.map(({ number }) => number),
    [2],
  )
})

test('a segment that ends at any byte of its last record is cut to the records before', async () => {
  await using root = await makeTemp()
  const key = { pool: 'a1'.repeat(32), handoff: 'b2'.repeat(16) }
  const contents: [number, Uint8Array][] = [0, 1, 2].map((number) => [number, new Uint8Array(20 + number).fill(number + 65)])
  const whole = segmentOf(contents)
  const end = segmentOf(contents.slice(0, 2)).length
  const folder = root.at(key.pool, key.handoff)
  const path = join(folder, '00000000.packs')
  await mkdir(folder, { recursive: true })
  for (let cut = end; cut < whole.length; cut++) {
    await writeFile(path, whole)
    await truncate(path, cut)
    await using store = await openDiskPackStore(root.path)
    assert.equal([...store.have(key)], [0, 1], `cut at ${cut}`)
    assert.equal(await store.get(key, 1), contents[1]![1])
    assert.is((await stat(path)).size, end)
    assert.is(store.damaged, 0)
  }
})

test('the index finds what it was given, and takes at most 40 bytes a pack', async () => {
  const place = fc.record({ segment: fc.nat(65_535), offset: fc.nat(0x7fffffff), bytes: fc.nat(packBytesMax) }, { noNullPrototype: true })
  const entries = fc.array(
    fc.tuple(
      fc.oneof(
        packNumber,
        fc.nat(100),
        fc.nat(200).map((number) => number * 4096),
      ),
      place,
    ),
    { minLength: 1, maxLength: 400 },
  )
  fc.assert(
    fc.property(entries, (given) => {
      const index = new PackIndex()
      const model = new Map(given)
      for (const [number, at] of given) index.set(number, at)
      for (const [number, at] of model) assert.equal(index.get(number), at)
      for (let number = 0; number < 100; number++) assert.is(index.get(number) === undefined, !model.has(number))
      if (model.size >= 16) assert.ok(index.memoryBytes <= 40 * model.size, `${index.memoryBytes} bytes for ${model.size} packs`)
    }),
  )
})

test.run()
