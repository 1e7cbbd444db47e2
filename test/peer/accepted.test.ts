// What a peer remembers of the handoffs that it has accepted.

import { readFile, writeFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AcceptedHandoffs, type HandoffAge } from '../../peer/inherit/accepted.ts'
import { systemJournalFiles, type JournalFiles } from '../../peer/inherit/journal-files.ts'
import { acceptedHandoffsMax } from '../../src/limits/handoff.ts'
import { keepMsMax } from '../../src/limits/relay.ts'
import { clockSkewMs } from '../../src/limits/wire.ts'
import { nowMs } from '../helpers/pool.ts'
import { refused } from '../helpers/refusal.ts'
import { makeTemp } from '../helpers/temp.ts'

const test = suite('accepted handoffs')

const age = (number: number, createdMs = nowMs): HandoffAge => ({ handoff: number.toString(16).padStart(32, '0'), createdMs })

test('what it has accepted it remembers over a restart: neither the same again nor an older one', async () => {
  await using temp = await makeTemp()
  const recall = () => AcceptedHandoffs.recall(temp.path, systemJournalFiles)
  const first = recall()
  first.check(age(1), nowMs)
  first.began(age(1), nowMs)
  first.ended(age(1))
  const second = recall()
  refused(() => second.check(age(1), nowMs), 'stale')
  refused(() => second.check(age(2, nowMs - clockSkewMs - 1), nowMs), 'stale')
  second.check(age(2, nowMs - clockSkewMs), nowMs)
  second.check(age(3, nowMs + 1), nowMs)
})

test('a claim that it gave back it remembers over a restart, and no other of the same handoff', async () => {
  await using temp = await makeTemp()
  const recall = () => AcceptedHandoffs.recall(temp.path, systemJournalFiles)
  const claim = { epoch: 2, assignedBy: 'one' }
  const first = recall()
  assert.not(first.hasGivenBack(age(1).handoff, claim))
  first.givesBack(age(1), claim)
  const second = recall()
  assert.ok(second.hasGivenBack(age(1).handoff, claim))
  assert.not(second.hasGivenBack(age(2).handoff, claim))
  assert.not(second.hasGivenBack(age(1).handoff, { ...claim, epoch: 3 }))
  assert.not(second.hasGivenBack(age(1).handoff, { ...claim, assignedBy: 'other' }))
  second.givesBack(age(1), { ...claim, epoch: 3 })
  second.ended(age(2))
  second.began(age(3, nowMs + 1), nowMs)
  assert.ok(recall().hasGivenBack(age(1).handoff, { ...claim, epoch: 3 }))
  second.check(age(1), nowMs)
})

test('one that was begun and not ended may go on', async () => {
  await using temp = await makeTemp()
  const accepted = AcceptedHandoffs.recall(temp.path, systemJournalFiles)
  accepted.began(age(1), nowMs)
  accepted.check(age(1), nowMs)
})

test('what was begun is written at once, and synced once, when somebody asks for it', async () => {
  await using temp = await makeTemp()
  const done: string[] = []
  const files: JournalFiles = {
    ...systemJournalFiles,
    write(path, bytes) {
      done.push('write')
      systemJournalFiles.write(path, bytes)
    },
    keep(path, bytes) {
      done.push('keep')
      systemJournalFiles.keep(path, bytes)
    },
  }
  const accepted = AcceptedHandoffs.recall(temp.path, files)
  accepted.secure()
  accepted.began(age(1), nowMs)
  assert.equal(done, ['write'])
  refused(() => AcceptedHandoffs.recall(temp.path, files).check(age(2, nowMs - clockSkewMs - 1), nowMs), 'stale')
  accepted.secure()
  accepted.secure()
  assert.equal(done, ['write', 'keep'])
})

test('a handoff that is older than a relay keeps any is refused', async () => {
  await using temp = await makeTemp()
  const accepted = AcceptedHandoffs.recall(temp.path, systemJournalFiles)
  accepted.check(age(1, nowMs - keepMsMax), nowMs)
  refused(() => accepted.check(age(1, nowMs - keepMsMax - clockSkewMs - 1), nowMs), 'stale')
})

test('one that says it is of the future does not shut out all others', async () => {
  await using temp = await makeTemp()
  const accepted = AcceptedHandoffs.recall(temp.path, systemJournalFiles)
  accepted.began(age(1, nowMs + 1e12), nowMs)
  accepted.check(age(2), nowMs)
})

test('it remembers a bounded number, and a file that can not be read counts as none', async () => {
  await using temp = await makeTemp()
  const accepted = AcceptedHandoffs.recall(temp.path, systemJournalFiles)
  accepted.began(age(0), nowMs)
  for (let number = 0; number < acceptedHandoffsMax + 5; number++) accepted.ended(age(number))
  const { ended } = JSON.parse(await readFile(temp.at('accepted.json'), 'utf8')) as { ended: unknown[] }
  assert.is(ended.length, acceptedHandoffsMax)
  await writeFile(temp.at('accepted.json'), '{"newestMs":')
  AcceptedHandoffs.recall(temp.path, systemJournalFiles).check(age(0), nowMs)
})

test.run()
