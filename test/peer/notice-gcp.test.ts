// Google Compute Engine's notices: questions that are held open, and what happens when they aren't.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { paths } from '../cloud/endpoints.ts'
import { Watching } from '../cloud/watching.ts'

const test = suite('notice of Compute Engine')

test('the question is held open, and what changes is told without waiting for a poll', async () => {
  await using watching = await new Watching('gcp').start()
  const before = watching.cloud.asked(paths.gcpPreempted)
  assert.is(before, 2, 'what is, and then what will be')
  await watching.pass(30_000)
  assert.is(watching.cloud.asked(paths.gcpPreempted), before, 'and not asked again while it is held')
  watching.cloud.raise('preempt', 0)
  await watching.settled()
  const [notice] = watching.notices
  assert.equal({ kind: notice!.kind, deadlineMs: notice!.deadlineMs }, { kind: 'preempt', deadlineMs: 30_000 })
  assert.ok(watching.cloud.seen.every(({ headers }) => headers['metadata-flavor'] === 'Google'))
})

test('a flag that was up before the start is told at once', async () => {
  const watching = new Watching('gcp')
  watching.cloud.raise('preempt', 0)
  await using started = await watching.start({ deadlineMs: 120_000 })
  assert.is(started.notices[0]!.deadlineMs, 120_000, 'as the configuration says of a VM that asked for longer')
})

test('a held question that is cut off is asked again at once, and what came up meanwhile is seen', async () => {
  await using watching = await new Watching('gcp').start()
  watching.cloud.breakDown('reset', 'preempted?')
  await watching.settled()
  watching.cloud.raise('preempt', 0)
  watching.cloud.mend()
  assert.is((await watching.one(1_000)).kind, 'preempt')
  assert.equal(watching.told, [], 'nobody is bothered with it')
})

test('where questions are never held, it polls', async () => {
  for (const fault of ['reset', 503] as const) {
    await using watching = await new Watching('gcp').start()
    watching.cloud.breakDown(fault, 'wait_for_change')
    const before = watching.cloud.asked(paths.gcpPreempted)
    await watching.pass(20_000)
    const asked = watching.cloud.asked(paths.gcpPreempted) - before
    assert.ok(asked >= 20 && asked <= 50, `${asked} questions in 20 s`)
    watching.cloud.raise('preempt', 0)
    assert.is((await watching.one(1_000)).kind, 'preempt')
    assert.equal(watching.told, [])
  }
})

test('a held question that is never answered is given up after its time', async () => {
  await using watching = await new Watching('gcp').start()
  watching.cloud.breakDown('silent', 'wait_for_change')
  await watching.pass(61_000)
  watching.cloud.raise('preempt', 0)
  assert.is((await watching.one(2_000)).kind, 'preempt')
})

test('maintenance ends a VM that does not migrate; a migration is only said', async () => {
  await using watching = await new Watching('gcp').start()
  watching.cloud.raise('maintenance', 0)
  assert.equal(await watching.pass(120_000), [])
  assert.is(watching.told.filter(({ event }) => event === 'notice-passed-over').length, 1, JSON.stringify(watching.told))
  watching.cloud.raise('terminate', 0)
  const { kind, deadlineMs } = await watching.one()
  assert.equal({ kind, deadlineMs }, { kind: 'terminate', deadlineMs: 60_000 })
  watching.cloud.set(paths.gcpMaintenance, 'NONE')
  assert.ok((await watching.one()).withdrawn)
})
test.run()
