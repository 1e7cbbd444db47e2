// The pack store on disk: the contract, and what it promises over restarts, locks, damage and many packs.

import { mkdir, open, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openDiskPackStore, type DiskPackStoreOptions } from '../../relay/store/disk-pack-store.ts'
import { recordDigests } from '../../relay/store/record-digest.ts'
import { recordHeaderBytes } from '../../relay/store/segment-format.ts'
import type { HeirloomError } from '../../src/errors.ts'
import { testPackStore } from '../contract/pack-store.ts'
import { packContent } from '../helpers/pack-content.ts'
import { makeTemp } from '../helpers/temp.ts'

const root = await makeTemp()
let stores = 0
const newDirectory = () => root.at(String(stores++))

testPackStore('disk', () => openDiskPackStore(newDirectory()))
testPackStore('disk with a segment for nearly every pack', () => openDiskPackStore(newDirectory(), { segmentBytes: 60 }))

const test = suite('pack store on disk')
const key = { pool: 'a1'.repeat(32), handoff: 'b2'.repeat(16) }
const content = (number: number) => packContent(1, number, 3000)
const segmentOf = (directory: string, name = '00000000.packs') => join(directory, key.pool, key.handoff, name)

async function writePacks(directory: string, count: number, options?: DiskPackStoreOptions): Promise<void> {
  await using store = await openDiskPackStore(directory, options)
  for (let number = 0; number < count; number++) await store.put(key, number, [content(number)])
}

async function flipByte(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, offset)
  byte[0]! ^= 0x10
  await file.write(byte, 0, 1, offset)
  await file.close()
}

/** Where the record of a pack begins, when all are in one segment. */
function offsetOf(number: number): number {
  return Array.from({ length: number }, (_, before) => recordHeaderBytes + content(before).length).reduce((sum, bytes) => sum + bytes, 0)
}

async function errorOf(promise: Promise<unknown>): Promise<HeirloomError> {
  return promise.then(
    () => {
      throw new Error('it should have failed')
    },
    (error: HeirloomError) => error,
  )
}

test.after(async () => root[Symbol.asyncDispose]())

test('a store that is opened again has all its packs, and goes on', async () => {
  const directory = newDirectory()
  for (let round = 0; round < 3; round++) {
    await using store = await openDiskPackStore(directory, { segmentBytes: 5000 })
    assert.is(store.have(key).size, round * 20)
    for (let number = 0; number < round * 20; number++) assert.equal(Buffer.from((await store.get(key, number))!), content(number))
    for (let number = round * 20; number < round * 20 + 20; number++) await store.put(key, number, [content(number)])
    assert.is(store.damaged, 0)
  }
})

test('a directory that is open is refused to a second store, and free when the first has closed', async () => {
  const directory = newDirectory()
  const first = await openDiskPackStore(directory)
  const refusal = await errorOf(openDiskPackStore(directory))
  assert.is(refusal.code, 'busy')
  assert.ok(refusal.hint)
  await first[Symbol.asyncDispose]()
  await (await openDiskPackStore(directory))[Symbol.asyncDispose]()
})

test('opening can be aborted, and leaves the directory free', async () => {
  const directory = newDirectory()
  await writePacks(directory, 3)
  const reason = new Error('changed my mind')
  assert.is(await errorOf(openDiskPackStore(directory, { signal: AbortSignal.abort(reason) })), reason)
  await (await openDiskPackStore(directory))[Symbol.asyncDispose]()
})

for (const [place, at] of [
  ['sealed bytes', recordHeaderBytes + 5],
  ['header', 13],
] as const) {
  test(`a byte that flipped in the ${place} of a pack in the middle costs that pack only`, async () => {
    const directory = newDirectory()
    await writePacks(directory, 5)
    await flipByte(segmentOf(directory), offsetOf(2) + at)
    const warnings: HeirloomError[] = []
    await using store = await openDiskPackStore(directory, { onWarning: (warning) => warnings.push(warning) })
    assert.equal([...store.have(key)], [0, 1, 3, 4])
    assert.is(await store.get(key, 2), undefined)
    assert.equal(Buffer.from((await store.get(key, 4))!), content(4))
    assert.is(store.damaged, 1)
    assert.equal(
      warnings.map(({ code }) => code),
      ['io'],
    )
    await store.put(key, 2, [content(2)])
    assert.equal(Buffer.from((await store.get(key, 2))!), content(2))
  })

  test(`after a byte that flipped in the ${place} the pack that was put again counts at the next starts, and one that was not is absent`, async () => {
    const directory = newDirectory()
    await writePacks(directory, 5)
    for (const damaged of [1, 2]) await flipByte(segmentOf(directory), offsetOf(damaged) + at)
    {
      await using store = await openDiskPackStore(directory)
      await store.put(key, 2, [content(2)])
    }
    for (let start = 0; start < 2; start++) {
      await using store = await openDiskPackStore(directory)
      assert.equal([...store.have(key)], [0, 2, 3, 4])
      assert.equal(Buffer.from((await store.get(key, 2))!), content(2))
      await store.put({ ...key, handoff: 'cc'.repeat(16) }, start, [content(start)])
    }
  })
}

test('what a store wrote on one machine is read on another, whichever digest is quicker there', async () => {
  const directory = newDirectory()
  for (const [round, digest] of [...recordDigests, ...recordDigests].entries()) {
    await using store = await openDiskPackStore(directory, { digest })
    for (let number = 0; number < round; number++) assert.equal(Buffer.from((await store.get(key, number))!), content(number))
    await store.put(key, round, [content(round)])
  }
  await using store = await openDiskPackStore(directory)
  for (let number = 0; number < 4; number++) {
    // Each opening has begun a segment.
    await flipByte(segmentOf(directory, `0000000${number}.packs`), recordHeaderBytes + 9)
    assert.is((await errorOf(store.get(key, number))).code, 'io', `pack ${number}`)
  }
})

test('a pack that rotted in an old segment and was put again counts at the next start', async () => {
  const directory = newDirectory()
  {
    await using store = await openDiskPackStore(directory, { segmentBytes: 1 })
    for (let number = 0; number < 3; number++) await store.put(key, number, [content(number)])
    await flipByte(segmentOf(directory), recordHeaderBytes + 5)
    assert.is((await errorOf(store.get(key, 0))).code, 'io')
    await store.put(key, 0, [content(0)])
    await store.put(key, 3, [content(3)])
  }
  await using store = await openDiskPackStore(directory)
  assert.equal([...store.have(key)], [0, 1, 2, 3])
  assert.equal(Buffer.from((await store.get(key, 0))!), content(0))
  const sizes = [0, 1, 2, 3].map((number) => content(number).byteLength)
  assert.is(
    store.bytes(),
    sizes.reduce((sum, size) => sum + size, 0),
  )
})

test('a pack that changed on disk after the start is refused once, then absent, and can be put again', async () => {
  const directory = newDirectory()
  await using store = await openDiskPackStore(directory)
  for (let number = 0; number < 3; number++) await store.put(key, number, [content(number)])
  const bytes = store.bytes()
  await flipByte(segmentOf(directory), offsetOf(1) + 30)
  assert.is((await errorOf(store.get(key, 1))).code, 'io')
  assert.is(await store.get(key, 1), undefined)
  assert.equal([...store.have(key)], [0, 2])
  assert.is(store.damaged, 1)
  await store.put(key, 1, [content(1)])
  assert.equal(Buffer.from((await store.get(key, 1))!), content(1))
  assert.is(store.bytes(), bytes)
})

test('a pack that rotted in an old segment is never served', async () => {
  const directory = newDirectory()
  await writePacks(directory, 4, { segmentBytes: 1 })
  await flipByte(segmentOf(directory, '00000001.packs'), recordHeaderBytes + 1)
  await using store = await openDiskPackStore(directory)
  assert.is((await errorOf(store.get(key, 1))).code, 'io')
  assert.equal(Buffer.from((await store.get(key, 2))!), content(2))
})

test('a torn tail is cut at the next start', async () => {
  const directory = newDirectory()
  await writePacks(directory, 3)
  const path = segmentOf(directory)
  const file = await open(path, 'r+')
  await file.truncate((await file.stat()).size - 1)
  await file.close()
  await using store = await openDiskPackStore(directory)
  assert.equal([...store.have(key)], [0, 1])
  assert.is((await stat(path)).size, offsetOf(2))
  assert.is(store.damaged, 0)
})

test('a removal that was cut short is finished at the next start', async () => {
  const directory = newDirectory()
  const remains = join(directory, key.pool, `${key.handoff}.dropped`)
  await mkdir(remains, { recursive: true })
  await writeFile(join(remains, '00000000.packs'), 'HLPK')
  await using store = await openDiskPackStore(directory)
  assert.equal([...store.list()], [])
  assert.equal(await readdir(join(directory, key.pool)), [])
})

test('a dropped handoff leaves no file', async () => {
  const directory = newDirectory()
  await using store = await openDiskPackStore(directory, { segmentBytes: 2000 })
  for (let number = 0; number < 10; number++) await store.put(key, number, [content(number)])
  await store.drop(key)
  assert.equal(await readdir(join(directory, key.pool)), [])
})

test('files that are not the store’s own stay and do no harm', async () => {
  const directory = newDirectory()
  await writePacks(directory, 2)
  await writeFile(join(directory, 'README'), 'mine')
  await writeFile(segmentOf(directory, 'notes.txt'), 'mine')
  await mkdir(join(directory, key.pool, 'c3'.repeat(16)))
  await using store = await openDiskPackStore(directory)
  assert.equal([...store.list()], [{ key, bytes: content(0).length + content(1).length, packs: 2 }])
})

test('no pack is held in memory after its write: 5,000 packs', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  await using store = await openDiskPackStore(newDirectory())
  const given: WeakRef<Uint8Array>[] = []
  const putNew = async (number: number) => {
    const pack = new Uint8Array(16_384).fill(number)
    given.push(new WeakRef(pack))
    await store.put(key, number, [pack])
  }
  const putOn = async () => {
    while (given.length < 5000) await putNew(given.length)
  }
  await Promise.all(Array.from({ length: 16 }, putOn))
  // A weak reference holds its target until the turn of the event loop that used it is over.
  await new Promise(setImmediate)
  collect()
  assert.is(store.have(key).size, 5000)
  const held = given.filter((pack) => pack.deref() !== undefined).length
  assert.ok(held <= 16, `${held} of 5,000 packs are still in memory`)
})

test.run()
