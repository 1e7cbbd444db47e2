// An agent as a real process under a cloud's metadata service: a hint, then the notice, then leave for the cloud when the handoff is over.
// time-out: 120 s

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packBytesTarget } from '../../src/limits/wire.ts'
import { FakeCloud } from '../cloud/fake-cloud.ts'
import { serveCloud } from '../cloud/metadata-server.ts'
import { startAgent } from '../helpers/agent.ts'
import { Fleet } from '../helpers/fleet.ts'
import { seeded } from '../helpers/seed.ts'
import { makeTree } from '../helpers/tree.ts'

const test = suite('agent in a cloud')

/** So slow that what comes after the first pack takes longer than any deadline of these tests. */
const slow = { max_rate: '1KB/s' }

async function agentIn(kind: FakeCloud['kind'], notice: string, policy: Readonly<Record<string, unknown>> = {}) {
  await using resources = new AsyncDisposableStack()
  const cloud = new FakeCloud(kind)
  const server = resources.use(await serveCloud(cloud))
  const fleet = resources.use(await Fleet.start())
  const source = await fleet.directory('source')
  makeTree(source, seeded(7), { large: policy === slow ? [4 * packBytesTarget] : [] })
  const agent = await startAgent(fleet, 'old', {
    sources: [{ name: 'files', kind: 'directory', path: source }],
    notices: [{ kind: notice, endpoint: server.url, every: '100ms' }],
    policy,
  })
  await fleet.waiting(1)
  const owned = resources.move()
  return { cloud, agent, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

test('in Azure a distant reboot ends nothing, a preemption does, and Azure hears of the end when all is stored', async () => {
  await using scene = await agentIn('azure', 'azure')
  const { cloud, agent } = scene
  cloud.raise('maintenance', 900_000)
  const hint = await agent.program.row('notice-ignored')
  assert.is(hint['kind'], 'rebalance')
  cloud.raise('preempt', 30_000)
  const { code, result, stderr } = await agent.program.end()
  assert.is(code, 0, stderr)
  assert.is(result['outcome'], 'parked')
  const notice = await agent.program.row('notice')
  assert.match(String(notice['reason']), 'Azure has scheduled Preempt')
  assert.ok(Number(notice['deadlineMs']) > 25_000 && Number(notice['deadlineMs']) <= 30_000)
  const leave = cloud.seen.filter(({ method }) => method === 'POST')
  assert.equal(
    leave.map(({ body }) => body),
    ['{"StartRequests":[{"EventId":"event-Preempt"}]}'],
  )
  const events = agent.program.rows.map(({ event }) => event)
  const order = ['notice-ignored', 'notice-withdrawn', 'notice', 'first-pack', 'notice-acknowledged']
  assert.equal(
    events.filter((event) => order.includes(event)).toSorted((a, b) => order.indexOf(a) - order.indexOf(b)),
    order,
  )
  assert.ok(events.indexOf('notice-acknowledged') > events.indexOf('first-pack'))
  assert.is(events.at(-1), 'result')
})

test('in EC2, found by itself, a spot notice is acted on, and a sooner one joins the handoff', async () => {
  await using scene = await agentIn('aws', 'auto')
  const { cloud, agent } = scene
  const found = await agent.program.row('cloud-found')
  assert.is(found['cloud'], 'aws')
  cloud.raise('preempt', 120_000)
  await agent.program.row('notice')
  cloud.raise('terminate', 0)
  const { code, result, stderr } = await agent.program.end()
  assert.is(code, 0, stderr)
  assert.is(result['outcome'], 'parked')
  assert.is(agent.program.rows.filter(({ event }) => event === 'notice').length, 1)
})

test('a notice that is cut short during the handoff ends it sooner, and what was acknowledged is accounted for', async () => {
  await using scene = await agentIn('aws', 'aws', slow)
  const { cloud, agent } = scene
  cloud.raise('preempt', 600_000)
  await agent.program.row('first-pack')
  cloud.raise('preempt', 6_000)
  const again = await agent.program.row('notice-again')
  assert.is(again['change'], 'sooner')
  // Waited for far shorter than the first deadline.
  const { code, result, stderr } = await agent.program.end()
  assert.is(code, 3, stderr)
  assert.is(result['outcome'], 'partial')
})

test('a notice that is taken back during the handoff is told, and the handoff goes on to its end', async () => {
  await using scene = await agentIn('aws', 'aws', slow)
  const { cloud, agent } = scene
  cloud.raise('preempt', 10_000)
  await agent.program.row('first-pack')
  cloud.withdraw()
  const withdrawn = await agent.program.row('notice-withdrawn')
  assert.equal([withdrawn['handoff'], withdrawn['change']], ['begun', 'none'])
  const { code, result, stderr } = await agent.program.end()
  assert.is(code, 3, stderr)
  assert.is(result['outcome'], 'partial')
})

test.run()
