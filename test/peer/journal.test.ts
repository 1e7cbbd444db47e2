// The journal of an heir on the machine's own files, and after a reboot.

import { link, readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemJournalFiles } from '../../peer/inherit/journal-files.ts'
import { Journal, recallJournal } from '../../peer/inherit/journal.ts'
import { makeTemp } from '../helpers/temp.ts'

const test = suite('journal')
const root = await makeTemp()
let journals = 0
const newDirectory = () => root.at(`journal ${journals++}`)
const head = { handoff: '0'.repeat(32), epoch: 1, seed: Buffer.alloc(32).toString('base64') }

test.after(async () => root[Symbol.asyncDispose]())

test('it says what was restored, what waits, and how it ended', () => {
  const directory = newDirectory()
  const result = { outcome: 'delivered' } as never
  {
    using journal = Journal.open(directory, head, undefined)
    journal.append({ pack: 3, chunks: 1, bytes: 10, keys: '' })
    journal.hold(7, [Uint8Array.of(1, 2), Uint8Array.of(3)])
  }
  const recalled = recallJournal(directory)
  assert.equal(recalled?.entries, [{ pack: 3, chunks: 1, bytes: 10, keys: '' }])
  assert.is(recalled?.settled, undefined)
  {
    using journal = Journal.open(directory, head, recalled)
    assert.equal([...journal.held()], [7])
    assert.equal(new Uint8Array(journal.readHeld(7)), Uint8Array.of(1, 2, 3))
    journal.settle({ result, receipt: '{}' })
  }
  assert.equal(recallJournal(directory)?.settled, { result, receipt: '{}' })
})

test('a verdict of which nothing holds is read again, and with it what follows', () => {
  const directory = newDirectory()
  const entries = [
    { pack: 0, chunks: 0, bytes: 0, keys: '', verdict: { since: 0, whole: [], partial: [] } },
    { pack: 1, chunks: 1, bytes: 1, keys: '' },
  ]
  using journal = Journal.open(directory, head, undefined)
  for (const entry of entries) journal.append(entry)
  assert.equal(recallJournal(directory)?.entries, entries)
})

test('a file is replaced as a whole, so that a kill in the middle leaves the old one', async () => {
  const path = root.at('file')
  systemJournalFiles.write(path, Buffer.from('old'))
  await link(path, root.at('the old one'))
  systemJournalFiles.write(path, Buffer.from('new'))
  assert.is(await readFile(root.at('the old one'), 'utf8'), 'old')
  assert.is(await readFile(path, 'utf8'), 'new')
})

test('after a reboot nothing of it counts, not even what was held', () => {
  const directory = newDirectory()
  {
    using journal = Journal.open(directory, head, undefined)
    journal.append({ pack: 0, chunks: 1, bytes: 1, keys: '' })
    journal.hold(5, [Uint8Array.of(1)])
  }
  const rebooted = { ...systemJournalFiles, bootId: () => 'another boot' }
  assert.is(recallJournal(directory, rebooted), undefined)
  using journal = Journal.open(directory, head, undefined, rebooted)
  assert.equal([...journal.held()], [])
})

test.run()
