// Notices by signal and by file.

import { rename, writeFile } from 'node:fs/promises'
import process from 'node:process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createFileNotice } from '../../peer/notice/file.ts'
import { createSignalNotice } from '../../peer/notice/signal.ts'
import { systemClock } from '../../src/clock.ts'
import { noticeFileSettleMs } from '../../src/limits/notice.ts'
import { noticeContract } from '../contract/notice.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { nowMs } from '../helpers/pool.ts'
import { makeTemp } from '../helpers/temp.ts'
import { stopReason } from '../../peer/notice/stop-reason.ts'

const bySignal = suite('notice by signal')
noticeContract(bySignal, async () => ({
  source: createSignalNotice({ signal: 'SIGUSR2', deadlineMs: 25_000 }),
  kind: 'terminate',
  deadlineMs: 25_000,
  give: async () => void process.kill(process.pid, 'SIGUSR2'),
  async [Symbol.asyncDispose]() {},
}))

const service = (state: string | Error) => ({
  env: { SYSTEMD_EXEC_PID: '42' },
  pid: 42,
  systemState: async () => {
    if (state instanceof Error) throw state
    return state
  },
})

bySignal('a service that systemd stops alone is restarted; with the machine going, or in doubt, it is the end', async () => {
  for (const state of ['running', 'degraded', 'starting', 'maintenance']) assert.ok((await stopReason(service(state))).restart, state)
  for (const state of ['stopping', 'offline', 'unknown', '', new Error('no systemctl')])
    assert.not.ok((await stopReason(service(state))).restart, String(state))
})

bySignal('a process that systemd has not started itself is never taken for a service, and a pod that ends is gone', async () => {
  assert.not.ok((await stopReason({ ...service('running'), env: { SYSTEMD_EXEC_PID: '41' } })).restart)
  assert.not.ok((await stopReason({ ...service('running'), env: {} })).restart)
  const pod = await stopReason({ ...service('running'), env: { SYSTEMD_EXEC_PID: '42', KUBERNETES_SERVICE_HOST: '10.0.0.1' } })
  assert.equal(pod, { restart: false, why: 'the pod ends' })
})

bySignal('SIGTERM says why it came, and a mere restart is told as one', async () => {
  const stop = new AbortController()
  const reasonOf = async () => ({ restart: true, why: 'the service alone' })
  const source = createSignalNotice({ signal: 'SIGTERM', deadlineMs: 1_000, reasonOf })
  const watching = source.watch({ signal: stop.signal })[Symbol.asyncIterator]()
  const next = watching.next()
  process.kill(process.pid, 'SIGTERM')
  const alive = setInterval(() => {}, 1000)
  assert.equal((await next).value, { kind: 'restart', reason: 'signal SIGTERM: the service alone', deadlineMs: 1_000 })
  clearInterval(alive)
  stop.abort()
  await watching.return?.()
})
bySignal.run()

const byFile = suite('notice by file')
noticeContract(byFile, async () => {
  const folder = await makeTemp()
  return {
    source: createFileNotice({ path: folder.at('going'), deadlineMs: 9_000, clock: systemClock }),
    kind: 'terminate',
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
byFile('a file that is made first and filled then is one notice, with what it says', async () => {
  await using temp = await makeTemp()
  const path = temp.at('notice.json')
  const clock = new ManualClock(nowMs)
  const stop = new AbortController()
  await writeFile(path, '')
  const watching = createFileNotice({ path, deadlineMs: 30_000, clock }).watch({ signal: stop.signal })[Symbol.asyncIterator]()
  const next = watching.next()
  while (clock.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
  await writeFile(path, JSON.stringify({ kind: 'preempt', reason: 'spot market', deadline: '12s' }))
  clock.advance(noticeFileSettleMs)
  assert.equal((await next).value, { kind: 'preempt', reason: 'spot market', deadlineMs: 12_000 })
  stop.abort()
  await watching.return?.()
})

byFile.run()
