// The stores on a disk that fails: what was acknowledged stays, what wasn't is refused with the right code, and the store goes on.

import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openDiskPackStore } from '../../relay/store/disk-pack-store.ts'
import { openDiskRecordStore } from '../../relay/store/disk-record-store.ts'
import { SegmentFiles } from '../../relay/store/segment-files.ts'
import type { PackStore } from '../../relay/store/store.ts'
import type { HeirloomError } from '../../src/errors.ts'
import { recordOf } from '../contract/record-store.ts'
import { FaultyDisk } from '../helpers/faulty-disk.ts'
import { packContent } from '../helpers/pack-content.ts'
import { makeTemp } from '../helpers/temp.ts'

const root = await makeTemp()
let stores = 0
const newDirectory = () => root.at(String(stores++))
const key = { pool: 'a1'.repeat(32), handoff: 'b2'.repeat(16) }
const test = suite('stores on a disk that fails')

const content = (number: number) => packContent(2, number, 3000)
const put = (store: PackStore, number: number) => store.put(key, number, [content(number)])

/** 'kept' or the code of the refusal. */
async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'kept',
    (error: HeirloomError) => error.code,
  )
}

async function assertHas(store: PackStore, numbers: readonly number[]): Promise<void> {
  assert.equal([...store.have(key)], numbers)
  for (const number of numbers) assert.equal(Buffer.from((await store.get(key, number))!), content(number))
}

test.after(async () => root[Symbol.asyncDispose]())

test('one sync acknowledges all that was written before it began, and none before it has ended', async () => {
  const disk = new FaultyDisk()
  await using store = await openDiskPackStore(newDirectory(), { disk })
  const quiet = { ...key, handoff: 'c3'.repeat(16) }
  await store.put(quiet, 0, [content(0)])
  disk.syncs = 0
  const began = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  disk.beforeSync = () => {
    began.resolve()
    return gate.promise
  }
  const first = put(store, 0)
  await began.promise
  const others = Array.from({ length: 50 }, (_, at) => put(store, at + 1))
  // Reading another handoff takes its turns through the disk: time in which a put that didn't wait for the sync would be acknowledged.
  for (let turn = 0; turn < 5; turn++) await store.get(quiet, 0)
  assert.is(store.have(key).size, 0)
  gate.resolve()
  await Promise.all([first, ...others])
  assert.is(store.have(key).size, 51)
  assert.ok(disk.syncs <= 3, `${disk.syncs} syncs for 51 puts`)
})

test('a full disk refuses the pack that does not fit, keeps the others, and takes packs again when there is space', async () => {
  const directory = newDirectory()
  const disk = new FaultyDisk()
  {
    await using store = await openDiskPackStore(directory, { disk })
    await put(store, 0)
    disk.spaceLeftBytes = 100
    assert.is(await outcomeOf(store.put(key, 1, [new Uint8Array(60), new Uint8Array(60)])), 'no-space')
    await store.put(key, 2, [new Uint8Array(40)])
    assert.is(disk.spaceLeftBytes, 100 - 64)
    const outcomes = await Promise.all([3, 4, 5].map((number) => outcomeOf(store.put(key, number, [new Uint8Array(50)]))))
    assert.equal(outcomes, Array(3).fill('no-space'))
    disk.spaceLeftBytes = Infinity
    await put(store, 1)
    assert.equal(Buffer.from((await store.get(key, 1))!), content(1))
  }
  await using store = await openDiskPackStore(directory)
  assert.equal([...store.have(key)], [0, 1, 2])
  assert.is(store.damaged, 0)
})

test('a full disk in the middle of a gathered write fails only the packs that do not fit', async () => {
  const disk = new FaultyDisk()
  await using store = await openDiskPackStore(newDirectory(), { disk })
  await store.put(key, 99, [new Uint8Array(1)])
  disk.spaceLeftBytes = 3 * (24 + 100) + 50
  const outcomes = await Promise.all(
    Array.from({ length: 6 }, (_, number) => outcomeOf(store.put(key, number, [new Uint8Array(100).fill(number)]))),
  )
  assert.equal(outcomes, ['kept', 'kept', 'kept', 'no-space', 'no-space', 'no-space'])
  assert.equal(await store.get(key, 2), new Uint8Array(100).fill(2))
})

test('after a failed sync its packs are refused, their segment takes no more, and a new one does', async () => {
  const directory = newDirectory()
  const disk = new FaultyDisk()
  {
    await using store = await openDiskPackStore(directory, { disk })
    await put(store, 0)
    disk.failing.syncs = 1
    assert.is(await outcomeOf(put(store, 1)), 'io')
    await assertHas(store, [0])
    await put(store, 2)
    await put(store, 1)
    await assertHas(store, [0, 1, 2])
  }
  const folder = join(directory, key.pool, key.handoff)
  assert.equal(await readdir(folder), ['00000000.packs', '00000001.packs'])
  assert.is((await stat(join(folder, '00000000.packs'))).size, 24 + content(0).length)
  await using store = await openDiskPackStore(directory)
  await assertHas(store, [0, 1, 2])
})

test('packs that are written while a sync fails are refused with it', async () => {
  const disk = new FaultyDisk()
  await using store = await openDiskPackStore(newDirectory(), { disk })
  await put(store, 0)
  disk.failing.syncs = 1
  const during: Promise<string>[] = []
  disk.beforeSync = async () => {
    disk.beforeSync = async () => {}
    during.push(outcomeOf(put(store, 2)))
  }
  assert.is(await outcomeOf(put(store, 1)), 'io')
  const outcome = await during[0]
  // The second put either shared the failed segment and was refused, or found the new one and is durable there.
  await assertHas(store, outcome === 'kept' ? [0, 2] : [0])
})

test('a segment that can be neither synced nor cut refuses packs until it can', async () => {
  const directory = newDirectory()
  const disk = new FaultyDisk()
  {
    await using store = await openDiskPackStore(directory, { disk })
    await put(store, 0)
    disk.failing.syncs = 1
    disk.failing.truncates = 1000
    assert.equal([await outcomeOf(put(store, 1)), await outcomeOf(put(store, 2))], ['io', 'io'])
    disk.failing.truncates = 0
    await put(store, 3)
    await assertHas(store, [0, 3])
  }
  await using store = await openDiskPackStore(directory)
  await assertHas(store, [0, 3])
})

test('a failed write refuses its pack and keeps what was written before it', async () => {
  const directory = newDirectory()
  const disk = new FaultyDisk()
  {
    await using store = await openDiskPackStore(directory, { disk })
    await put(store, 0)
    disk.failing.writes = 1
    assert.is(await outcomeOf(put(store, 1)), 'io')
    await put(store, 2)
    await assertHas(store, [0, 2])
  }
  await using store = await openDiskPackStore(directory)
  await assertHas(store, [0, 2])
})

test('a failed read is an error and no damage: the pack is there when the disk reads again', async () => {
  const disk = new FaultyDisk()
  await using store = await openDiskPackStore(newDirectory(), { disk })
  await put(store, 0)
  disk.failing.reads = 1
  assert.is(await outcomeOf(store.get(key, 0)), 'io')
  assert.is(store.damaged, 0)
  await assertHas(store, [0])
})

test('a segment that can’t be read at the start costs its own packs only', async () => {
  const directory = newDirectory()
  {
    await using store = await openDiskPackStore(directory, { segmentBytes: 1 })
    for (let number = 0; number < 3; number++) await put(store, number)
  }
  const disk = new FaultyDisk()
  disk.failing.reads = 1
  const warnings: HeirloomError[] = []
  await using store = await openDiskPackStore(directory, { disk, onWarning: (warning) => warnings.push(warning) })
  await assertHas(store, [1, 2])
  assert.is(store.damaged, 1)
  assert.is(warnings.length, 1)
})

test('many handoffs at a time never have more files open than the bound', async () => {
  const disk = new FaultyDisk()
  const files = new SegmentFiles(disk, 4)
  const directory = newDirectory()
  await openDiskPackStore(directory).then((store) => store[Symbol.asyncDispose]())
  const use = async (path: string, mode: 'create' | 'open') => {
    const { file, release } = await files.acquire(join(directory, path), mode)
    await file.writev([Buffer.from(path)], 0)
    release()
  }
  const paths = Array.from({ length: 40 }, (_, at) => `file ${at}`)
  await Promise.all(paths.map((path) => use(path, 'create')))
  await Promise.all([...paths, ...paths].map((path) => use(path, 'open')))
  assert.ok(disk.openMost <= 4, `${disk.openMost} files were open`)
  assert.is(await outcomeOf(files.acquire(join(directory, 'absent'))), 'ENOENT')
  await files.closeAll()
  assert.is(disk.open, 0)
  assert.is(files.descriptors, 0)
})

test('a record that can’t be written on a full disk is refused, and the one before stays', async () => {
  const directory = newDirectory()
  const disk = new FaultyDisk()
  {
    await using store = await openDiskRecordStore(directory, { disk })
    await store.save(recordOf('1', { epoch: 1 }))
    disk.spaceLeftBytes = 10
    assert.is(await outcomeOf(store.save(recordOf('1', { epoch: 2 }))), 'no-space')
    disk.spaceLeftBytes = Infinity
    disk.failing.syncs = 1
    assert.is(await outcomeOf(store.save(recordOf('1', { epoch: 3 }))), 'io')
    assert.equal([...store.list()], [recordOf('1', { epoch: 1 })])
  }
  await using store = await openDiskRecordStore(directory)
  assert.equal([...store.list()], [recordOf('1', { epoch: 1 })])
  await store.save(recordOf('1', { epoch: 4 }))
})

test('a record that can’t be read at the start is no damage: the opening fails, and the record is there when the disk reads again', async () => {
  const directory = newDirectory()
  const disk = new FaultyDisk()
  {
    await using store = await openDiskRecordStore(directory)
    await store.save(recordOf('1', { epoch: 1 }))
  }
  disk.failing.reads = 1
  assert.is(await outcomeOf(openDiskRecordStore(directory, { disk })), 'io')
  await using store = await openDiskRecordStore(directory, { disk })
  assert.equal([...store.list()], [recordOf('1', { epoch: 1 })])
})

test('a store that can not sync what an earlier process left does not open, and opens with all of it when it can', async () => {
  const directory = newDirectory()
  {
    await using store = await openDiskPackStore(directory)
    for (let number = 0; number < 3; number++) await put(store, number)
  }
  await rm(join(directory, 'closed'))
  const disk = new FaultyDisk()
  disk.failing.syncs = 1
  assert.is(await outcomeOf(openDiskPackStore(directory, { disk })), 'io')
  assert.is(disk.open, 0)
  await using store = await openDiskPackStore(directory, { disk })
  await assertHas(store, [0, 1, 2])
})

test('what a process that was killed has left is given to the disk again, since a sync of it may have failed; what was closed in peace is not', async () => {
  const directory = newDirectory()
  {
    await using store = await openDiskPackStore(directory)
    for (let number = 0; number < 3; number++) await put(store, number)
  }
  const written = async () => {
    const disk = new FaultyDisk()
    await using store = await openDiskPackStore(directory, { disk })
    await assertHas(store, [0, 1, 2])
    return disk.written
  }
  assert.is(await written(), 0)
  await rm(join(directory, 'closed'))
  const [pool, handoff] = [key.pool, key.handoff]
  assert.is(await written(), (await stat(join(directory, pool, handoff, '00000000.packs'))).size)
})

test('a store opens on a full disk, also after its process was killed', async () => {
  const directory = newDirectory()
  {
    await using store = await openDiskPackStore(directory)
    await put(store, 0)
  }
  await rm(join(directory, 'closed'))
  const disk = new FaultyDisk()
  disk.spaceLeftBytes = 0
  await using store = await openDiskPackStore(directory, { disk })
  await assertHas(store, [0])
})

test('a store whose segment failed is not taken for closed in peace', async () => {
  const directory = newDirectory()
  const disk = new FaultyDisk()
  {
    await using store = await openDiskPackStore(directory, { disk })
    await put(store, 0)
    disk.failing.syncs = 1
    disk.failing.truncates = 100
    assert.is(await outcomeOf(put(store, 1)), 'io')
  }
  assert.not.ok((await readdir(directory)).includes('closed'))
  await using store = await openDiskPackStore(directory)
  assert.ok(store.have(key).has(0))
})

test.run()
