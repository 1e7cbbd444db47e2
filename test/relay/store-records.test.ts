// The record store on disk: the contract, and what it makes of files that aren't whole records.

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openDiskRecordStore } from '../../relay/store/disk-record-store.ts'
import type { HeirloomError } from '../../src/errors.ts'
import { recordFileBytesMax } from '../../src/limits/relay.ts'
import { recordOf, testRecordStore } from '../contract/record-store.ts'
import { makeTemp } from '../helpers/temp.ts'

const root = await makeTemp()
let stores = 0
const newDirectory = () => root.at(String(stores++))
const fileOf = (digit: string) => `${'a1'.repeat(32)}.${digit.repeat(32)}.json`

testRecordStore('disk', () => openDiskRecordStore(newDirectory()))

const test = suite('record store on disk')

test.after(async () => root[Symbol.asyncDispose]())

test('records outlive the store, deletes too', async () => {
  const directory = newDirectory()
  {
    await using store = await openDiskRecordStore(directory)
    await Promise.all([
      store.save(recordOf('1')),
      store.save(recordOf('2', { heir: undefined, packs: undefined })),
      store.save(recordOf('3')),
    ])
    await store.delete(recordOf('3').key)
  }
  await using store = await openDiskRecordStore(directory)
  assert.equal(
    [...store.list()].sort((a, b) => a.key.handoff.localeCompare(b.key.handoff)),
    [recordOf('1'), recordOf('2', { heir: undefined, packs: undefined })],
  )
})

test('an operator can read a record', async () => {
  const directory = newDirectory()
  await using store = await openDiskRecordStore(directory)
  await store.save(recordOf('1'))
  const fields = JSON.parse(await readFile(join(directory, fileOf('1')), 'utf8')) as Record<string, unknown>
  assert.is(fields.epoch, 2)
  assert.is(fields.predecessor, '12D3KooWPredecessor')
})

test('a file that is no whole record is moved aside with a warning, and the others are there', async () => {
  const directory = newDirectory()
  {
    await using store = await openDiskRecordStore(directory)
    await Promise.all(['1', '2', '3', '4', '5', '6'].map((digit) => store.save(recordOf(digit))))
  }
  const text = await readFile(join(directory, fileOf('2')), 'utf8')
  await writeFile(join(directory, fileOf('2')), text.slice(0, text.length >> 1))
  await writeFile(join(directory, fileOf('3')), '')
  await writeFile(join(directory, fileOf('4')), text)
  await writeFile(join(directory, fileOf('5')), ' '.repeat(recordFileBytesMax + 1))
  await writeFile(join(directory, fileOf('6')), JSON.stringify({ ...JSON.parse(text), handoff: '6'.repeat(32), epoch: -1 }))
  await writeFile(join(directory, `${fileOf('7')}.new`), text)
  await writeFile(join(directory, 'README'), 'mine')
  const warnings: HeirloomError[] = []
  await using store = await openDiskRecordStore(directory, { onWarning: (warning) => warnings.push(warning) })
  assert.equal([...store.list()], [recordOf('1')])
  assert.is(warnings.length, 5)
  assert.ok(warnings.every(({ code, hint }) => code === 'io' && hint !== undefined))
  const names = await readdir(directory)
  assert.is(names.filter((name) => name.endsWith('.damaged')).length, 5)
  assert.not(names.some((name) => name.endsWith('.new')))
  assert.ok(names.includes('README'))
})

test('a directory of records that is open is refused to a second store', async () => {
  const directory = newDirectory()
  await using _ = await openDiskRecordStore(directory)
  const code = await openDiskRecordStore(directory).catch((error: HeirloomError) => error.code)
  assert.is(code, 'busy')
})

test.run()
