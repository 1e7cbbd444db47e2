// The clouds' notices over real HTTP, all by the same contract, and what all of them do when their metadata service fails.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createAutoNotice } from '../../peer/notice/auto.ts'
import { createCloudNotice } from '../../peer/notice/cloud.ts'
import { clouds } from '../../peer/notice/clouds.ts'
import { systemClock } from '../../src/clock.ts'
import { paths, type FakeCloudKind } from '../cloud/endpoints.ts'
import { FakeCloud, type Fault } from '../cloud/fake-cloud.ts'
import { serveCloud } from '../cloud/metadata-server.ts'
import { Watching } from '../cloud/watching.ts'
import { noticeContract, type OpenedNotice } from '../contract/notice.ts'
import { makeTemp } from '../helpers/temp.ts'

const spotPaths: Readonly<Record<FakeCloudKind, string>> = {
  aws: paths.awsSpot,
  gcp: paths.gcpPreempted,
  azure: paths.azureEvents,
  alibaba: paths.alibabaSpot,
  tencent: paths.tencentSpot,
}
const everyMs = 20

async function open(kind: FakeCloudKind, auto: boolean): Promise<OpenedNotice> {
  const cloud = new FakeCloud(kind)
  const server = await serveCloud(cloud)
  const folder = await makeTemp()
  const common = { endpoint: server.url, everyMs, clock: systemClock, tell: () => {} }
  const found = clouds.find((candidate) => candidate.kind === kind)!
  return {
    source: auto ? createAutoNotice({ ...common, dmiFolder: folder.path }) : createCloudNotice({ ...common, cloud: found }),
    kind: 'preempt',
    // What Compute Engine, which doesn't say, is taken to leave.
    deadlineMs: 30_000,
    toleranceMs: 2_000,
    async give() {
      await cloud.nextAsked(spotPaths[kind])
      cloud.raise('preempt', 30_000)
    },
    standing: {
      async again() {
        const asked = cloud.nextAsked(spotPaths[kind])
        cloud.raise('preempt', 30_000)
        await asked
      },
      takeBack: async () => cloud.withdraw(),
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

for (const { kind } of clouds) {
  const test = suite(`notice by ${kind}`)
  noticeContract(test, () => open(kind, false))

  test('whatever its metadata service answers: it is told once, and the notice comes when it is well again', async () => {
    const faults: Fault[] = [500, 503, 429, 403, 302, 'silent', 'reset', 'garbage', 'huge']
    for (const fault of faults) {
      await using watching = await new Watching(kind).start()
      watching.cloud.breakDown(fault)
      // Longer than a question is held open.
      assert.equal(await watching.pass(70_000), [], `${fault}`)
      const silent = watching.told.filter(({ event }) => event === 'metadata-silent')
      assert.is(new Set(silent.map(({ question }) => question)).size, silent.length, `${fault}: ${JSON.stringify(silent)}`)
      assert.ok(silent.length >= 1, `${fault}: nobody is told`)
      watching.cloud.mend()
      watching.cloud.raise('preempt', 60_000)
      assert.is((await watching.one(5_000)).kind, 'preempt', `${fault}`)
      assert.is(watching.told.filter(({ event }) => event === 'metadata-answers').length, silent.length, `${fault}`)
    }
  })

  test('what was raised stands while its metadata service fails', async () => {
    await using watching = await new Watching(kind).start()
    watching.cloud.raise('preempt', 60_000)
    await watching.one()
    for (const fault of [500, 'silent', 'reset', 'garbage'] as const) {
      watching.cloud.breakDown(fault)
      assert.equal(await watching.pass(5_000), [], `${fault}`)
      watching.cloud.mend()
    }
  })

  test('an empty answer raises nothing', async () => {
    await using watching = await new Watching(kind).start()
    watching.cloud.breakDown('empty', spotPaths[kind])
    assert.equal(await watching.pass(70_000), [])
  })

  test('a deadline is judged by the clock of the cloud, where ours is wrong', async () => {
    for (const aheadMs of [-3_600_000, -60_000, 60_000, 86_400_000]) {
      const watching = new Watching(kind)
      watching.cloud.aheadMs = aheadMs
      await using started = await watching.start()
      started.cloud.raise('preempt', 30_000)
      const { deadlineMs } = await started.one()
      assert.ok(Math.abs(deadlineMs - 29_000) <= 2_000, `${aheadMs}: ${deadlineMs} ms`)
      assert.equal(await started.pass(10_000), [], 'and it does not seem to move')
    }
  })
  test.run()
}

for (const { kind } of clouds) {
  const test = suite(`notice by auto in ${kind}`)
  noticeContract(test, () => open(kind, true))
  test.run()
}
