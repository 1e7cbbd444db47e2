// What all key-value servers have in common as sources, with a store that does as the test says.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { KeyDivision } from '../../peer/source/keyed/key-parts.ts'
import { KeyTable } from '../../peer/source/keyed/key-table.ts'
import { KeyedSource, type KeyedStore } from '../../peer/source/keyed/keyed-source.ts'
import { RecordsWriter } from '../../peer/source/keyed/records.ts'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { HeirloomError } from '../../src/errors.ts'
import { keysAloneMax, readBatchBytes } from '../../src/limits/keyed.ts'
import { never } from '../contract/source.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('keyed source')
const valueBytes = 1000
const query = { handoff: '00', reason: 'test', deadlineMs: 60_000, rateBytesPerSecond: 1, budgetBytes: 1 }

interface Scene {
  readonly keys: number
  /** This many groups can be read; then the server is lost. */
  readonly readable?: number
  /** What the last listing finds, beside the keys that are known. */
  readonly late?: readonly string[]
  readonly division?: KeyDivision
}

function open({ keys, readable = Infinity, late = [], division }: Scene): KeyedSource {
  const table = new KeyTable(keys)
  const add = (name: string) => {
    const bytes = Buffer.from(name)
    const row = table.add(bytes, 0, bytes.byteLength)
    table.bytes[row] = valueBytes
    return row
  }
  for (let index = 0; index < keys; index++) add(`known ${index}`)
  let reads = 0
  const store: KeyedStore = {
    look: () => Promise.resolve([0]),
    census: () => ({
      table,
      isComplete: true,
      ignored: 0,
      async *round({ onlyNew }) {
        if (!onlyNew) yield Array.from({ length: keys }, (_, row) => row)
        for (const name of late) yield [add(name)]
      },
    }),
    weight: () => 1,
    async read({ rows }) {
      if (reads++ === readable) throw new HeirloomError('config', 'the server wants a login now')
      const writer = new RecordsWriter(
        rows.length,
        rows.reduce((sum, row) => sum + table.nameBytes(row), 0),
        rows.length * valueBytes,
      )
      for (const row of rows) {
        writer.add('value', 0, 0)
        writer.key(table.name(row), 0, table.nameBytes(row))
        writer.value(Buffer.alloc(valueBytes), 0, valueBytes)
      }
      return writer
    },
    [Symbol.dispose]() {},
  }
  return new KeyedSource('test', store, { name: 'cache', clock: new ManualClock(0), division })
}

test('what is known is told at once, and what came since when that is read', async () => {
  await using source = open({ keys: keysAloneMax + 1, late: ['late'] })
  const inventory = source.inventory(query, never())
  const known: Chunk[] = []
  let told = 0
  while (told <= keysAloneMax) {
    const batch = (await inventory.next()).value as Chunk[]
    known.push(...batch)
    told += batch.reduce((sum, { bytes }) => sum + bytes! / valueBytes, 0)
  }
  let isTold = false
  const rest = (async () => {
    const later: Chunk[] = []
    for await (const batch of inventory) {
      isTold ||= batch.length > 0
      later.push(...batch)
    }
    return later
  })()
  for await (const parts of source.read(known.slice(1), never())) void parts
  assert.not(isTold, 'one is not read yet')
  for await (const parts of source.read(known.slice(0, 1), never())) void parts
  assert.equal(
    (await rest).map(({ id }) => id),
    ['0/late'],
  )
})

test('groups are handed on together, the first of them at once, and what was read before the server is lost is not lost with it', async () => {
  const readable = 40
  await using source = open({ keys: 3 * keysAloneMax, readable })
  const inventory = source.inventory(query, never())
  const chunks: Chunk[] = []
  while (chunks.length <= readable) chunks.push(...((await inventory.next()).value as Chunk[]))
  await inventory.return(undefined)
  const sizes: number[] = []
  let failed: unknown
  try {
    for await (const parts of source.read(chunks, never())) sizes.push(parts.length)
  } catch (thrown) {
    failed = thrown
  }
  assert.is((failed as HeirloomError).code, 'config')
  assert.is(sizes[0], 1)
  assert.ok(Math.max(...sizes) * chunks[0]!.bytes! >= readBatchBytes, sizes.join())
  assert.is(
    sizes.reduce((sum, parts) => sum + parts),
    readable,
  )
})

test('of a divided state no chunk has keys of two parts; parts that are learned before the notice are not computed at it', async () => {
  let computed = 0
  const parts = ['even', 'odd']
  const division: KeyDivision = {
    parts,
    partOf: (key) => {
      computed++
      return parts[Number(Buffer.from(key).toString().split(' ')[1]) % 2]!
    },
  }
  const keys = 3 * keysAloneMax
  for (const learned of [division, undefined]) {
    await using source = open({ keys, ...(learned && { division: learned }) })
    computed = 0
    await source.warm(never())
    assert.is(computed, learned === undefined ? 0 : keys)
    const inventory = source.inventory({ ...query, ...division }, never())
    const chunks: Chunk[] = []
    const bytesOf = () => chunks.reduce((sum, { bytes = 0 }) => sum + bytes, 0)
    while (bytesOf() < keys * valueBytes) chunks.push(...((await inventory.next()).value as Chunk[]))
    await inventory.return(undefined)
    assert.is(computed, keys)
    assert.ok(chunks.length < keys / 10, 'they are in groups')
    let found = 0
    for await (const read of source.read(chunks, never())) {
      for (const part of read) {
        assert.ok('attributes' in part)
        for (const [, number] of String(Buffer.from(part.attributes!)).matchAll(/known (\d+)/g)) {
          assert.is(parts[Number(number) % 2], part.chunk.part)
          found++
        }
      }
    }
    assert.is(found, keys)
  }
})

test.run()
