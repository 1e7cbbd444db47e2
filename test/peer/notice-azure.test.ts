// Azure's scheduled events: whose they are, what each means, when leave is given to go on, and that they may vanish.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { azureEvent, azureEvents } from '../cloud/announcement.ts'
import { azureVmName, paths } from '../cloud/endpoints.ts'
import { startMs, Watching } from '../cloud/watching.ts'

const test = suite('notice of Azure')

function raise({ cloud }: Watching, ...events: Record<string, unknown>[]): void {
  const { path, text } = azureEvents(...events)
  cloud.set(path, text)
}

const signal = new AbortController().signal

test('a preemption has until its time, and Terminate, too', async () => {
  for (const [type, kind] of [
    ['Preempt', 'preempt'],
    ['Terminate', 'terminate'],
  ] as const) {
    await using watching = await new Watching('azure').start()
    raise(watching, azureEvent(type, startMs + 31_000))
    const notice = await watching.one(1_000)
    assert.equal({ kind: notice.kind, deadlineMs: notice.deadlineMs }, { kind, deadlineMs: 30_000 })
  }
})

test("other VMs' events are not ours, whatever the case of a name", async () => {
  await using watching = await new Watching('azure').start()
  raise(watching, azureEvent('Preempt', startMs + 30_000, { Resources: ['shop_8', 'shop_77', 'other'] }))
  assert.equal(await watching.pass(3_000), [])
  raise(watching, azureEvent('Preempt', startMs + 30_000, { Resources: ['shop_8', azureVmName.toUpperCase()] }))
  assert.is((await watching.one(1_000)).kind, 'preempt')
  assert.is(watching.cloud.asked(paths.azureName), 1, 'the own name is asked for once')
})

test('while its own name is not known an event is not judged, and told when it is', async () => {
  await using watching = await new Watching('azure').start()
  watching.cloud.breakDown(500, paths.azureName)
  raise(watching, azureEvent('Preempt', startMs + 60_000))
  assert.equal(await watching.pass(5_000), [])
  watching.cloud.mend()
  assert.is((await watching.one(6_000)).kind, 'preempt')
})

test('leave is given for our event alone, and the cloud goes on then', async () => {
  await using watching = await new Watching('azure').start()
  raise(watching, azureEvent('Preempt', startMs + 31_000), azureEvent('Freeze', startMs + 31_000, { Resources: ['shop_8'] }))
  const notice = await watching.one(1_000)
  assert.is(watching.cloud.seen.filter(({ method }) => method === 'POST').length, 0, 'not before it is asked for')
  await notice.acknowledge!({ signal })
  const [post] = watching.cloud.seen.filter(({ method }) => method === 'POST')
  assert.equal(JSON.parse(post!.body), { StartRequests: [{ EventId: 'event-Preempt' }] })
  const cut = await watching.one(2_000)
  assert.is(cut.id, notice.id)
  assert.is(cut.deadlineMs, 5_000, 'it has begun')
})

test('leave is not ours to give for an event that names other VMs, too, or that has begun', async () => {
  for (const fields of [{ Resources: [azureVmName, 'shop_8'] }, { EventStatus: 'Started', NotBefore: '' }]) {
    await using watching = await new Watching('azure').start()
    raise(watching, azureEvent('Preempt', startMs + 30_000, fields))
    assert.is((await watching.one(1_000)).acknowledge, undefined)
  }
})

test('an event that has begun leaves a little, and what was told sooner stays', async () => {
  await using watching = await new Watching('azure').start()
  raise(watching, azureEvent('Preempt', startMs + 4_000))
  await watching.one(1_000)
  raise(watching, azureEvent('Preempt', 0, { EventStatus: 'Started', NotBefore: '' }))
  assert.equal(await watching.pass(20_000), [])
})

test('a reboot or a redeployment is a hint until shortly before its time', async () => {
  for (const type of ['Reboot', 'Redeploy']) {
    await using watching = await new Watching('azure').start()
    raise(watching, azureEvent(type, startMs + 900_000))
    assert.is((await watching.one(1_000)).kind, 'rebalance', type)
    const certain = await watching.one(780_000)
    assert.is(certain.kind, 'terminate')
    assert.ok(certain.deadlineMs > 118_000)
  }
})

test('a freeze is only said, once; of a kind that nobody knows it is a hint; what is over is nothing', async () => {
  await using watching = await new Watching('azure').start()
  raise(watching, azureEvent('Freeze', startMs + 30_000), azureEvent('Terminate', startMs, { EventStatus: 'Completed' }))
  assert.equal(await watching.pass(5_000), [])
  const said = watching.told.filter(({ event }) => event === 'notice-passed-over')
  assert.is(said.length, 2, JSON.stringify(said))
  raise(watching, azureEvent('Teleport', startMs + 30_000))
  assert.is((await watching.one(1_000)).kind, 'rebalance')
})

test('an event that vanishes is withdrawn', async () => {
  await using watching = await new Watching('azure').start()
  raise(watching, azureEvent('Preempt', startMs + 60_000))
  const { id } = await watching.one(1_000)
  raise(watching)
  const back = await watching.one(1_000)
  assert.equal({ id: back.id, withdrawn: back.withdrawn }, { id, withdrawn: true })
})

test('events that are not what they should be are passed over, and good ones beside them are seen', async () => {
  await using watching = await new Watching('azure').start()
  const odd = [null, 7, 'x', [], {}, { EventId: 1, Resources: [azureVmName] }, { Resources: 'shop_7' }]
  const { path } = azureEvents()
  watching.cloud.set(path, JSON.stringify({ Events: [...odd, azureEvent('Preempt', startMs + 60_000)] }))
  assert.is((await watching.one(1_000)).id, 'azure event-Preempt')
})
test.run()
