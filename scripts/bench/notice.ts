// From the cloud's flag to the notice: each cloud played on the loopback, watched as the agent does by default. The flag is raised at a
// moment that has nothing to do with the polls.

import process from 'node:process'
import { createCloudNotice } from '../../peer/notice/cloud.ts'
import { clouds } from '../../peer/notice/clouds.ts'
import type { NoticeSource } from '../../peer/notice/notice.ts'
import { createSignalNotice } from '../../peer/notice/signal.ts'
import { delay, systemClock } from '../../src/clock.ts'
import { FakeCloud } from '../../test/cloud/fake-cloud.ts'
import { serveCloud } from '../../test/cloud/metadata-server.ts'
import type { Plan } from './plan.ts'
import { row, type Row } from './series.ts'

/** The poll interval of the cloud's own document, and a little; a question that is held open has no interval. */
const targets: Readonly<Record<string, number>> = { aws: 2_100, gcp: 100, azure: 1_100, alibaba: 2_100, tencent: 2_100 }
const signalTarget = 50

/** Far beyond every target: a notice that is lost. */
const noticeTimeoutMs = 30_000

export async function measureNotice(plan: Plan): Promise<Row[]> {
  const rows: Row[] = []
  for (const { kind } of clouds) {
    const latencies: number[] = []
    for (let round = 0; round < plan.rounds; round++) latencies.push(await flagToNotice(kind, plan.signal))
    rows.push(row(`flag to notice, ${kind}`, 'ms', latencies, { target: { most: targets[kind]! } }))
    plan.note(`notice: ${kind}`)
  }
  const latencies: number[] = []
  for (let round = 0; round < plan.rounds; round++) latencies.push(await signalToNotice(plan.signal))
  rows.push(row('flag to notice, a signal', 'ms', latencies, { target: { most: signalTarget } }))
  return rows
}

async function flagToNotice(kind: FakeCloud['kind'], signal: AbortSignal): Promise<number> {
  const fake = new FakeCloud(kind)
  await using server = await serveCloud(fake)
  const cloud = clouds.find((candidate) => candidate.kind === kind)!
  const source = createCloudNotice({ cloud, endpoint: server.url, clock: systemClock, tell: () => {} })
  // Awaited here: the server goes with this scope.
  return await measure(source, signal, async () => {
    await delay(systemClock, 300 + Math.random() * cloud.everyMs, signal)
    fake.raise('preempt', 60_000)
  })
}

/** Not SIGTERM, which ends the benchmark; `--only latency` has that, with all that follows. */
function signalToNotice(signal: AbortSignal): Promise<number> {
  return measure(
    createSignalNotice({ signal: 'SIGUSR2', deadlineMs: 1_000 }),
    signal,
    async () => void process.kill(process.pid, 'SIGUSR2'),
  )
}

async function measure(source: NoticeSource, signal: AbortSignal, raise: () => Promise<void>): Promise<number> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(noticeTimeoutMs)])
  const watching = source.watch({ signal: limited })[Symbol.asyncIterator]()
  // A signal handler alone keeps no process alive.
  const alive = setInterval(() => {}, noticeTimeoutMs)
  try {
    const noticed = watching.next()
    await raise()
    const raisedMs = systemClock.monotonicMs()
    const { done } = await noticed
    if (done === true) throw limited.reason
    return systemClock.monotonicMs() - raisedMs
  } finally {
    clearInterval(alive)
    await watching.return?.()
  }
}
