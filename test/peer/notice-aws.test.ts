// Amazon EC2's notices: tokens, every kind of announcement, and what stands between them.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { awsDate, awsEvent, isoDate } from '../cloud/announcement.ts'
import { paths } from '../cloud/endpoints.ts'
import { startMs, Watching } from '../cloud/watching.ts'

const test = suite('notice of Amazon EC2')

const scheduled = (...events: Record<string, unknown>[]) => JSON.stringify(events)

test('a token is asked for once, sent with every question, renewed when the service says 401 and before it ends', async () => {
  await using watching = await new Watching('aws').start()
  const { cloud } = watching
  const tokens = () => cloud.seen.filter(({ method }) => method === 'PUT')
  await watching.pass(10_000)
  assert.is(tokens().length, 1, 'four questions share one')
  assert.is(tokens()[0]!.headers['x-aws-ec2-metadata-token-ttl-seconds'], '21600')
  assert.ok(cloud.seen.filter(({ method }) => method === 'GET').every(({ headers }) => headers['x-aws-ec2-metadata-token'] !== undefined))
  cloud.expireTokens()
  cloud.raise('preempt', 120_000)
  assert.is((await watching.one()).kind, 'preempt', 'in the same round')
  assert.is(tokens().length, 2)
  watching.clock.jump(6 * 3_600_000)
  await watching.settled()
  await watching.pass(4_000)
  assert.is(tokens().length, 3, 'before the service has to say so')
  assert.is(watching.told.length, 0, 'nobody hears of tokens')
})

test('a spot instance that is stopped or terminated has until the time that is given', async () => {
  for (const action of ['terminate', 'stop']) {
    await using watching = await new Watching('aws').start()
    watching.cloud.set(paths.awsSpot, JSON.stringify({ action, time: isoDate(startMs + 122_000) }))
    const { kind, reason, deadlineMs } = await watching.one()
    assert.equal({ kind, deadlineMs }, { kind: 'preempt', deadlineMs: 120_000 })
    assert.match(reason, action)
  }
})

test('hibernation begins at once, whatever time is given, and a time that nobody can read is two minutes', async () => {
  await using watching = await new Watching('aws').start()
  watching.cloud.set(paths.awsSpot, JSON.stringify({ action: 'hibernate', time: isoDate(startMs + 122_000) }))
  assert.is((await watching.one()).deadlineMs, 5_000)
  assert.equal(await watching.pass(60_000), [], 'told once')

  await using other = await new Watching('aws').start()
  other.cloud.set(paths.awsSpot, '{"action":"terminate","time":"soon"}')
  assert.is((await other.one()).deadlineMs, 120_000)
  assert.equal(await other.pass(10_000), [], 'and it does not move')
})

test('a time that has passed while the VM still runs leaves a little', async () => {
  await using watching = await new Watching('aws').start()
  watching.cloud.set(paths.awsSpot, JSON.stringify({ action: 'terminate', time: isoDate(startMs - 60_000) }))
  assert.is((await watching.one()).deadlineMs, 5_000)
})

test('a notice that is moved is told again under its id, and one that is taken back, too', async () => {
  await using watching = await new Watching('aws').start()
  watching.cloud.raise('preempt', 120_000)
  const first = await watching.one()
  watching.cloud.raise('preempt', 120_500)
  const moved = await watching.one(2_000)
  assert.is(moved.id, first.id)
  assert.ok(moved.deadlineMs >= 118_000)
  watching.cloud.raise('preempt', 39_000)
  assert.ok((await watching.one()).deadlineMs <= 39_000, 'cut short')
  watching.cloud.withdraw()
  assert.ok((await watching.one()).withdrawn)
  assert.equal(await watching.pass(10_000), [])
  watching.cloud.raise('preempt', 120_000)
  assert.not.ok((await watching.one()).withdrawn, 'and it may come again')
})

test('a recommendation to rebalance is a hint', async () => {
  await using watching = await new Watching('aws').start()
  watching.cloud.raise('rebalance', 0)
  assert.is((await watching.one()).kind, 'rebalance')
  assert.equal(await watching.pass(600_000), [], 'and stays one')
})

test('scheduled maintenance is a hint until two minutes before its time, and certain then', async () => {
  for (const Code of ['instance-stop', 'instance-retirement', 'instance-reboot', 'system-reboot']) {
    await using watching = await new Watching('aws').start()
    watching.cloud.set(paths.awsMaintenance, scheduled(awsEvent({ Code, NotBefore: awsDate(startMs + 300_000) })))
    const hint = await watching.one()
    assert.is(hint.kind, 'rebalance', Code)
    assert.match(hint.reason, Code)
    const certain = await watching.one(180_000)
    assert.is(certain.kind, 'terminate', Code)
    assert.is(certain.id, hint.id)
    assert.ok(certain.deadlineMs <= 120_000 && certain.deadlineMs > 117_000, `${certain.deadlineMs}`)
  }
})

test('maintenance that a VM survives stays a hint, and what is over or cancelled is none', async () => {
  await using watching = await new Watching('aws').start()
  const soon = awsDate(startMs + 60_000)
  const events = [
    awsEvent({ EventId: 'a', Code: 'system-maintenance', NotBefore: soon }),
    awsEvent({ EventId: 'b', State: 'completed', NotBefore: soon }),
    awsEvent({ EventId: 'c', State: 'canceled', NotBefore: soon }),
    awsEvent({ EventId: 'd', Description: '[Canceled] retirement', NotBefore: soon }),
    awsEvent({ EventId: 'e', NotBefore: 'some day' }),
  ]
  watching.cloud.set(paths.awsMaintenance, scheduled(...events))
  const came = await watching.pass(30_000)
  assert.equal(
    came.map(({ id, kind }) => `${id} ${kind}`),
    ['aws a rebalance', 'aws e rebalance'],
  )
  watching.cloud.set(paths.awsMaintenance, '[]')
  assert.equal(
    (await watching.pass(2_000)).map(({ id, withdrawn }) => `${id} ${withdrawn}`),
    ['aws a true', 'aws e true'],
  )
})

test('an Auto Scaling group that terminates the instance, or stops it into its warm pool, leaves what its hook leaves', async () => {
  for (const state of ['Terminated', 'Warmed:Terminated', 'Warmed:Stopped', 'Warmed:Hibernated']) {
    await using watching = await new Watching('aws').start({ deadlineMs: 77_000 })
    for (const harmless of ['InService', 'Standby', 'Detached', 'Warmed:Running']) {
      watching.cloud.set(paths.awsLifecycle, harmless)
      assert.equal(await watching.pass(2_000), [], harmless)
    }
    watching.cloud.set(paths.awsLifecycle, state)
    const { kind, deadlineMs } = await watching.one()
    assert.equal({ kind, deadlineMs }, { kind: 'terminate', deadlineMs: 77_000 })
  }
})

test('a question that hangs, fails or answers nonsense holds up no other', async () => {
  for (const fault of ['silent', 500, 'garbage', 'reset'] as const) {
    await using watching = await new Watching('aws').start()
    for (const part of [paths.awsRebalance, paths.awsMaintenance, paths.awsLifecycle]) watching.cloud.breakDown(fault, part)
    await watching.pass(30_000)
    watching.cloud.raise('preempt', 120_000)
    assert.is((await watching.one(2_000)).kind, 'preempt', `${fault}`)
    assert.is(watching.told.filter(({ event }) => event === 'metadata-silent').length, 3, `${fault}`)
  }
})

test('where it is refused, what to do is said', async () => {
  const watching = new Watching('aws')
  watching.cloud.breakDown(403, 'api/token')
  await using started = await watching.start()
  assert.match(String(started.told[0]!['hint']), 'http-put-response-hop-limit')
})
test.run()
