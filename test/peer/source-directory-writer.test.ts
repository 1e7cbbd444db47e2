// What the writer of a directory does with the disk: full, failing, with another umask, with leftovers of a killed process.

import * as fs from 'node:fs'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HeirloomError } from '../../src/errors.ts'
import { noTarget, type EntryHead } from '../../peer/source/directory/entry.ts'
import type { FileSystem } from '../../peer/source/directory/file-system.ts'
import { DirectoryWriter, type WriteItem } from '../../peer/source/directory/writer.ts'
import { makeTemp } from '../helpers/temp.ts'

const test = suite('directory writer')

function item(path: string, content: string, head: Partial<EntryHead> = {}): WriteItem {
  const bytes = Buffer.from(content)
  return {
    id: path,
    path,
    head: { type: 'file', mode: 0o644, mtimeS: 1_700_000_000, mtimeNs: 0, size: bytes.byteLength, offset: 0, target: noTarget, ...head },
    version: '',
    offset: 0,
    chunkBytes: bytes.byteLength,
    length: bytes.byteLength,
    bytes,
  }
}

function failing(call: keyof FileSystem, code: string, when: (path: unknown) => boolean = () => true): FileSystem {
  const original = fs[call] as (...given: unknown[]) => unknown
  const broken = (...given: unknown[]) => {
    if (when(given[0])) throw Object.assign(new Error(code), { code })
    return original(...given)
  }
  return { ...fs, [call]: broken }
}

const allPlaced = { unfinished: [], inPlace: [], arrived: [], refused: [] }

test('a full disk ends the restore and leaves nothing half-written', async () => {
  for (const call of ['writeSync', 'openSync', 'renameSync', 'mkdirSync'] as const) {
    await using temp = await makeTemp()
    const staging = temp.at('.heirloom-test')
    mkdirSync(staging)
    const isOurs = (path: unknown) => call !== 'mkdirSync' || String(path).endsWith('/folder')
    const writer = new DirectoryWriter({ root: temp.path, staging, fileSystem: failing(call, 'ENOSPC', isOurs) })
    try {
      writer.restore([item('folder/f', 'content')])
      assert.unreachable(call)
    } catch (thrown) {
      assert.is((thrown as HeirloomError).code, 'no-space', call)
    }
    assert.not.ok(existsSync(temp.at('folder/f')))
    assert.equal(readdirSync(staging), [])
  }
})

test('a disk that takes only a part of a write is written to again', async () => {
  await using temp = await makeTemp()
  const writeSync = ((file: number, bytes: Uint8Array, at: number, length: number, position: number) =>
    fs.writeSync(file, bytes, at, Math.min(2, length), position)) as typeof fs.writeSync
  const writer = new DirectoryWriter({ root: temp.path, staging: temp.at('.heirloom-test'), fileSystem: { ...fs, writeSync } })
  assert.equal(writer.restore([item('f', 'content')]), allPlaced)
  assert.is(readFileSync(temp.at('f'), 'utf8'), 'content')
})

test('files have their modes whatever the umask, and are not in the way of one another', async () => {
  await using temp = await makeTemp()
  const modes = [0o644, 0o600, 0o666, 0o777, 0o400, 0o000, 0o4755, 0o1666, 0o644, 0o666]
  const before = process.umask(0o027)
  try {
    const writer = new DirectoryWriter({ root: temp.path, staging: temp.at('.heirloom-test') })
    assert.equal(writer.restore(modes.map((mode, index) => item(`f${index}`, 'content', { mode }))), allPlaced)
  } finally {
    process.umask(before)
  }
  assert.equal(
    modes.map((_, index) => statSync(temp.at(`f${index}`)).mode & 0o7777),
    modes,
  )
})

test('a file that a killed process left in the staging folder is no part of a new one', async () => {
  await using temp = await makeTemp()
  const staging = temp.at('.heirloom-test')
  mkdirSync(staging)
  symlinkSync(temp.at('outside'), `${staging}/w0`)
  writeFileSync(`${staging}/w1`, 'what was there before, and longer', { mode: 0o600 })
  const writer = new DirectoryWriter({ root: temp.path, staging })
  assert.equal(writer.restore([item('a', 'new a'), item('b', 'new b')]), allPlaced)
  assert.equal([readFileSync(temp.at('a'), 'utf8'), readFileSync(temp.at('b'), 'utf8')], ['new a', 'new b'])
  assert.is(statSync(temp.at('b')).mode & 0o7777, 0o644)
  assert.not.ok(existsSync(temp.at('outside')))
})

test('what the file system refuses for one name costs that item only', async () => {
  for (const code of ['EACCES', 'EPERM', 'ENAMETOOLONG', 'ELOOP', 'ENOENT']) {
    await using temp = await makeTemp()
    const staging = temp.at('.heirloom-test')
    const original = fs.renameSync
    const renameSync = ((from: string, to: string) => {
      if (to.endsWith('/bad')) throw Object.assign(new Error(code), { code })
      original(from, to)
    }) as typeof fs.renameSync
    const writer = new DirectoryWriter({ root: temp.path, staging, fileSystem: { ...fs, renameSync } })
    const { unfinished, refused } = writer.restore([item('bad', 'x'), item('good', 'y')])
    assert.equal([unfinished, refused.map(({ id }) => id)], [[], ['bad']], code)
    assert.equal(readdirSync(staging), [], code)
  }
})

test.run()
