// Notices by signal and by file.

import { rename, writeFile } from 'node:fs/promises'
import process from 'node:process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createFileNotice } from '../../peer/notice/file.ts'
import { createSignalNotice } from '../../peer/notice/signal.ts'
import { systemClock } from '../../src/clock.ts'
import { noticeContract } from '../contract/notice.ts'
import { makeTemp } from '../helpers/temp.ts'

const bySignal = suite('notice by signal')
noticeContract(bySignal, async () => ({
  source: createSignalNotice({ signal: 'SIGUSR2', deadlineMs: 25_000 }),
  deadlineMs: 25_000,
  give: async () => void process.kill(process.pid, 'SIGUSR2'),
  async [Symbol.asyncDispose]() {},
}))
bySignal.run()

const byFile = suite('notice by file')
noticeContract(byFile, async () => {
  const folder = await makeTemp()
  return {
    source: createFileNotice({ path: folder.at('going'), deadlineMs: 9_000, clock: systemClock }),
    deadlineMs: 9_000,
    give: () => writeFile(folder.at('going'), ''),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
})

byFile('a file may say the kind, the reason and the time that is left; what it says wrong is ignored', async () => {
  await using folder = await makeTemp()
  const path = folder.at('going')
  const stop = new AbortController()
  const watching = createFileNotice({ path, deadlineMs: 9_000, clock: systemClock }).watch({ signal: stop.signal })[Symbol.asyncIterator]()
  const told = async (text: string) => {
    const next = watching.next()
    await writeFile(folder.at('new'), text)
    await rename(folder.at('new'), path)
    return (await next).value
  }
  assert.equal(await told('{"kind":"rebalance","reason":"a hint","deadline":"30s"}'), {
    kind: 'rebalance',
    reason: 'a hint',
    deadlineMs: 30_000,
  })
  assert.equal(await told('{"kind":"nonsense","deadlineMs":-5}'), { kind: 'terminate', reason: `file ${path}`, deadlineMs: 9_000 })
  assert.equal(await told('not JSON'), { kind: 'terminate', reason: `file ${path}`, deadlineMs: 9_000 })
  stop.abort()
  await watching.return?.()
})
byFile.run()
