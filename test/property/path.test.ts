// Names from outside, ids of chunks, and pieces of files, for whatever comes.

import { posix } from 'node:path'
import * as fs from 'node:fs'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseInventoryLine } from '../../peer/source/app/inventory-line.ts'
import { linesOf } from '../../peer/source/app/lines.ts'
import { decodeAttributes, encodeAttributes } from '../../peer/source/directory/attributes.ts'
import { noTarget, type EntryType } from '../../peer/source/directory/entry.ts'
import {
  absolutePath,
  formatId,
  joinPath,
  parentPath,
  parseId,
  pathBytes,
  pathFromBytes,
  pathProblem,
} from '../../peer/source/directory/path.ts'
import { StagedFiles } from '../../peer/source/staged-files.ts'
import { survives } from '../helpers/refusal.ts'
import { makeTemp } from '../helpers/temp.ts'

const test = suite('paths and pieces')

/** One part of a path, as a file system allows it: any bytes but NUL and /. */
const part = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte)))
  .filter((bytes) => !['.', '..'].includes(Buffer.from(bytes).toString('latin1')) && bytes[0] !== 0x2e)
const texts = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).map((text) => Buffer.from(text.replaceAll(/[\0/.]/g, '-')))
const awkward = fc.constantFrom('->', '0', '#', '%2F', '%', '//', 'a//-', '\n', '\\').map((text) => Buffer.from(text.replaceAll('/', '_')))
const path = fc
  .array(fc.oneof(part, texts, awkward), { minLength: 1, maxLength: 5 })
  .map((parts) => pathFromBytes(Buffer.from(parts.map((bytes) => Buffer.from(bytes).toString('latin1')).join('/'), 'latin1')))
const anyId = fc.record({
  path,
  type: fc.constantFrom<EntryType>('file', 'directory', 'link'),
  offset: fc.option(fc.maxSafeNat(), { nil: undefined }),
})
const id = anyId.map((given) => (given.type === 'file' ? given : { ...given, offset: undefined }))

test('an id says which entry it is, and no two entries have the same', () => {
  fc.assert(
    fc.property(id, id, (one, other) => {
      const parsed = parseId(formatId(one))!
      assert.equal({ ...parsed, path: pathBytes(parsed.path) }, { ...one, path: pathBytes(one.path) })
      const isSame =
        one.type === other.type && one.offset === other.offset && Buffer.compare(pathBytes(one.path), pathBytes(other.path)) === 0
      assert.is(formatId(one) === formatId(other), isSame)
    }),
    { numRuns: 1000 },
  )
})

test('an id from anywhere is either none or stays inside the root', () => {
  const hostile = fc.oneof(
    fc.string(),
    fc
      .array(fc.constantFrom('..', '.', '', 'a', '//', '/', '->', '2e2e', '\0', '0', '.heirloom-x'), { maxLength: 8 })
      .map((parts) => parts.join('/')),
  )
  fc.assert(
    fc.property(hostile, (text) => {
      const parsed = parseId(text)
      if (parsed === undefined) return
      assert.is(pathProblem(pathBytes(parsed.path)), undefined)
      assert.is(formatId(parsed), text)
    }),
    { numRuns: 2000 },
  )
})

test('a name that passes can not leave the root, whatever its bytes', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    fc.array(fc.constantFrom('..', '.', '', 'a', '/', 'b'), { maxLength: 8 }).map((parts) => Buffer.from(parts.join('/'))),
  )
  fc.assert(
    fc.property(bytes, (given) => {
      if (pathProblem(given) !== undefined) return
      const absolute = Buffer.from(absolutePath('/root', pathFromBytes(given))).toString('latin1')
      assert.is(posix.normalize(absolute), absolute)
      assert.ok(absolute.startsWith('/root/'))
      assert.ok(Buffer.from(given).equals(pathBytes(pathFromBytes(given))))
    }),
    { numRuns: 2000 },
  )
})

test('a path is its parent and its name', () => {
  fc.assert(
    fc.property(path, texts, (parent, name) => {
      const joined = joinPath(parent, pathFromBytes(name))
      assert.ok(Buffer.from(pathBytes(parentPath(joined))).equals(pathBytes(parent)))
    }),
  )
})

test('attributes come back as they went', () => {
  const head = fc.record({
    mode: fc.nat(0o7777),
    mtimeS: fc.integer({ min: -(2 ** 36), max: 2 ** 36 }),
    mtimeNs: fc.nat(999_999_999),
    size: fc.nat(2 ** 40),
    target: fc.constant(noTarget),
    type: fc.constantFrom<EntryType>('file', 'directory'),
    offset: fc.constant(0),
  })
  fc.assert(
    fc.property(path, head, (name, given) => {
      const decoded = decodeAttributes(encodeAttributes(name, given))
      assert.ok('head' in decoded)
      assert.equal(decoded.head, { ...given })
      assert.ok(Buffer.from(pathBytes(decoded.path)).equals(pathBytes(name)))
    }),
  )
})

test('attributes from anywhere never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeAttributes(bytes)),
    { numRuns: 3000 },
  )
})

test('lines of an inventory from anywhere never throw, and have ids if they are chunks', () => {
  const line = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record({ id: fc.jsonValue(), kind: fc.jsonValue(), bytes: fc.jsonValue(), version: fc.jsonValue() })
      .map((value) => JSON.stringify(value)),
  )
  fc.assert(
    fc.property(line, (text) => {
      assert.ok(survives(() => parseInventoryLine(text)))
      const chunk = parseInventoryLine(text)
      assert.ok(chunk === undefined || (typeof chunk.id === 'string' && chunk.id !== ''))
    }),
    { numRuns: 2000 },
  )
})

test('lines are the same however the bytes were cut, and long ones are left out', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\n', ' '))),
      fc.array(fc.nat(100)),
      async (lines, cuts) => {
        const bytes = Buffer.from(lines.join('\n'))
        const ends = [...new Set([...cuts.map((at) => Math.min(at, bytes.byteLength)), bytes.byteLength])].sort((a, b) => a - b)
        const pieces = ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end))
        let tooLong = 0
        const read = (
          await Array.fromAsync(
            linesOf(
              (async function* () {
                yield* pieces
              })(),
              20,
              () => tooLong++,
            ),
          )
        ).flat()
        const expected = lines.at(-1) === '' ? lines.slice(0, -1) : lines
        assert.equal(
          read,
          expected.filter((line) => Buffer.byteLength(line) <= 20),
        )
        assert.is(tooLong, expected.filter((line) => Buffer.byteLength(line) > 20).length)
      },
    ),
  )
})

test('a file in pieces is complete when every byte is there, however they are cut and repeated', async () => {
  await using temp = await makeTemp()
  let files = 0
  let whole = 0
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.array(fc.tuple(fc.nat(59), fc.integer({ min: 1, max: 30 })), { maxLength: 25 }),
      (size, given) => {
        const staged = new StagedFiles(temp.path)
        const key = `file ${files++}`
        const content = Buffer.from(Array.from({ length: size }, (_, at) => at + 1))
        const there = new Set<number>()
        let isComplete = false
        for (const [from, length] of given) {
          const at = from % size
          const bytes = content.subarray(at, at + length)
          for (let byte = at; byte < at + bytes.byteLength; byte++) there.add(byte)
          isComplete = staged.write(key, size, { id: 'x', chunkAt: 0, at, length: bytes.byteLength }, bytes) !== undefined
          assert.is(isComplete, there.size === size)
        }
        if (isComplete) fs.closeSync(staged.release(key))
        whole += isComplete ? 1 : 0
        staged.drop()
        assert.is(fs.readdirSync(temp.path).length, whole, 'what stayed incomplete is gone')
      },
    ),
    { numRuns: 200 },
  )
})

test.run()
