// The agents of two VMs as real processes (`heirloom peer --config`), with an application and a directory each: how a notice reaches
// them, what the application is asked and when, and what comes of it.
// time-out: 300 s

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startAgent, type AgentOptions } from '../helpers/agent.ts'
import { Fleet } from '../helpers/fleet.ts'
import type { Row } from '../helpers/process.ts'
import { seeded } from '../helpers/seed.ts'
import { makeTree, treeDifferences } from '../helpers/tree.ts'
import { heldChunk, serveWarmApp } from '../helpers/warm-app.ts'

const test = suite('agent')

const app = (url: string) => ({ name: 'shop', kind: 'app', url })
const directory = (path: string) => ({ name: 'files', kind: 'directory', path })

/** An application's own division and order: neither by name, nor by size, nor by read probability; metadata in between. */
const state = [
  heldChunk('z/large', 2_500_000, { readProbability: 0.1 }),
  heldChunk('tables/one', 70_000, { kind: 'metadata' }),
  heldChunk('a', 17, { readProbability: 0.9 }),
  heldChunk('m ☃/%2F', 1_048_577),
  heldChunk('empty', 0),
  heldChunk('tables/two', 5, { kind: 'metadata' }),
  heldChunk('b', 300_000, { readProbability: 0.5 }),
]
const metadata = ['tables/one', 'tables/two']
const data = ['z/large', 'a', 'm ☃/%2F', 'empty', 'b']

interface Scene {
  readonly notice: (scene: { fleet: Fleet; socket: string; noticeFile: string; kill: () => void }) => Promise<void>
  readonly notices?: (noticeFile: string) => AgentOptions['notices']
}

/** A predecessor with the state above and a directory hands to a successor with neither. */
async function handOver({ notice, notices }: Scene) {
  await using resources = new AsyncDisposableStack()
  const fleet = resources.use(await Fleet.start())
  const oldApp = resources.use(await serveWarmApp(state))
  const newApp = resources.use(await serveWarmApp([]))
  const source = await fleet.directory('source')
  const target = join(fleet.folder, 'target')
  makeTree(source, seeded(31))
  const noticeFile = join(fleet.folder, 'going')
  const listed = notices?.(noticeFile)
  const old = await startAgent(fleet, 'old', {
    sources: [app(oldApp.url), directory(source)],
    ...(listed !== undefined && { notices: listed }),
  })
  await fleet.waiting(1)
  const heir = await startAgent(fleet, 'heir', { sources: [app(newApp.url), directory(target)] })
  await fleet.waiting(2)
  await notice({ fleet, socket: old.socket, noticeFile, kill: () => old.program.kill('SIGTERM') })
  const ended = await old.program.end()
  const inherited = await heir.program.row('inherited')
  await heir.program.row('ready')
  const readyz = await heir.ask('/readyz')
  const receipt = await heir.receipt()
  const differences = treeDifferences(source, target)
  return { ended, rows: old.program.rows, inherited, readyz, receipt, differences, oldApp, newApp, heirRows: heir.program.rows }
}

test('a notice by SIGTERM: an application and a directory go from agent to agent, and both say so', async () => {
  const { ended, inherited, readyz, receipt, differences, newApp } = await handOver({
    notice: async ({ kill }) => kill(),
  })
  assert.is(ended.code, 0, ended.stderr)
  assert.is(ended.result['outcome'], 'delivered')
  assert.is(inherited['outcome'], 'delivered', JSON.stringify(inherited))
  assert.equal(differences, [])
  assert.is(newApp.restored.size, state.length)
  for (const { id, content } of state) assert.equal(newApp.restored.get(id), content)
  assert.is(readyz.status, 200)
  assert.is(newApp.receipts.length, 1, 'the application is told once that all has come')
  assert.is(newApp.receipts[0]!['handoff'], ended.result['handoff'])
  assert.is(receipt['handoff'], ended.result['handoff'])
  assert.is(receipt['reason'], 'signal SIGTERM')
})

test('a notice by file: its reason and its deadline are taken from it', async () => {
  const { ended, rows, receipt } = await handOver({
    notices: (path) => [{ kind: 'file', path, deadline: '5s' }],
    notice: ({ noticeFile }) => writeFile(noticeFile, JSON.stringify({ kind: 'preempt', reason: 'spot market', deadline: '12s' })),
  })
  assert.is(ended.code, 0, ended.stderr)
  // What is left of the 12 s when the handoff begins; the configuration's own 5 s are not meant.
  const leftMs = Number(rows.find(({ event }) => event === 'notice')!['deadlineMs'])
  assert.ok(5_000 < leftMs && leftMs <= 12_000, `${leftMs} ms`)
  assert.is(receipt['reason'], 'spot market')
})

test('claims 1, 7, 10, 4 and 2 in one handoff that an operator asks for with `heirloom handoff`', async () => {
  let asked: { code: number | null; result: Row } | undefined
  const { ended, rows, heirRows, oldApp, newApp } = await handOver({
    notice: async ({ fleet, socket }) => {
      const args = ['handoff', '--deadline', '30s', '--reason', 'kernel update', '--socket', socket, '--json']
      asked = await fleet.run(['peer/cli.ts', ...args]).end()
    },
  })
  assert.is(asked!.code, 0, 'the command ends as the handoff does')
  assert.is(asked!.result['handoff'], ended.result['handoff'])

  // Claim 7: the priority comes from querying the application as it terminates.
  const at = (event: string) => rows.findIndex((row) => row.event === event)
  assert.ok(0 <= at('notice') && at('notice') < at('query') && at('query') < at('first-pack'), rows.map(({ event }) => event).join(' '))
  assert.equal(oldApp.asked('inventory'), [''], 'asked once, and not before the notice')
  assert.is(oldApp.log[0]!.call, 'inventory')

  // Claim 10: metadata is obtained before data, at capture.
  const reads = oldApp.log.filter(({ call }) => call === 'read')
  const lastOfMetadata = reads.findLastIndex(({ id, edge }) => metadata.includes(id) && edge === 'end')
  const firstOfData = reads.findIndex(({ id }) => data.includes(id))
  assert.ok(lastOfMetadata < firstOfData, JSON.stringify(reads))

  // Claim 4: the application decides the order; claim 2: and the division.
  assert.equal(oldApp.asked('read'), [...metadata, ...data])
  const restores = newApp.log.filter(({ call }) => call === 'restore')
  const metadataRestored = restores.findLastIndex(({ id, edge }) => metadata.includes(id) && edge === 'end')
  assert.ok(metadataRestored < restores.findIndex(({ id }) => data.includes(id)), JSON.stringify(restores))
  assert.equal(newApp.asked('restore').toSorted(), [...metadata, ...data].toSorted(), 'the chunks come back as the application cut them')
  assert.ok(heirRows.some(({ event }) => event === 'ready'))
})

test('an heir that can write no journal says so, waits longer from time to time, and inherits once it can', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  makeTree(source, seeded(77))
  const target = await fleet.directory('target')
  const state = await fleet.directory('heir/state')
  const blocked = join(state, 'inheritance')
  await writeFile(blocked, 'no folder')
  const filesIn = (path: string) => [{ name: 'files', kind: 'directory', path }]
  const old = await startAgent(fleet, 'old', { sources: filesIn(source) })
  await fleet.waiting(1)
  old.program.kill('SIGTERM')
  assert.is((await old.program.end()).code, 0)
  const heir = await startAgent(fleet, 'heir', { sources: filesIn(target) })
  const pauses = [1, 2, 3].map(async (count) => (await heir.program.row('warning', count))['againInMs'])
  const [first, ...longer] = (await Promise.all(pauses)).map(Number)
  assert.equal(longer, [2 * first!, 4 * first!])
  await rm(blocked)
  assert.is((await heir.program.row('inherited'))['outcome'], 'delivered')
  assert.equal(treeDifferences(source, target), [])
})

test.run()
