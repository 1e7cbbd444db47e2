// time-out: 300 s
// An application that hangs, dies or lies costs its own state only: the directory beside it goes, the receipt names what
// stayed behind and why, and the exit code says that it was not all.

import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startAgent } from '../helpers/agent.ts'
import { type Answer, chunkIdOf, serveApp } from '../helpers/app.ts'
import { Fleet } from '../helpers/fleet.ts'
import { seeded } from '../helpers/seed.ts'
import { makeTree, treeDifferences } from '../helpers/tree.ts'
import { heldChunk, serveWarmApp } from '../helpers/warm-app.ts'

const test = suite('bad input: an application')

interface SourceAccount {
  readonly name: string
  readonly chunks: { readonly planned: number; readonly delivered: number }
  readonly leftOut: readonly { readonly reason: string; readonly chunks: number; readonly detail?: string }[]
}

/** Parks an application's state and a directory, and restores the directory: it must be whole, whatever the application does. */
async function parkBeside(url: string, { deadline = '20s', timeout = '5s' } = {}) {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  const target = join(fleet.folder, 'target')
  makeTree(source, seeded(41))
  const sources = [
    { name: 'shop', kind: 'app', url, timeout },
    { name: 'files', kind: 'directory', path: source },
  ]
  await using newApp = await serveWarmApp([])
  const agent = await startAgent(fleet, 'old', { sources, notices: [{ kind: 'signal', deadline }], policy: { reserve: '3s' } })
  await fleet.waiting(1)
  agent.program.kill('SIGTERM')
  const ended = await agent.program.end()
  const heir = await startAgent(fleet, 'heir', {
    sources: [
      { name: 'shop', kind: 'app', url: newApp.url },
      { name: 'files', kind: 'directory', path: target },
    ],
  })
  const inherited = await heir.program.row('inherited')
  await heir.program.row('ready')
  assert.equal(treeDifferences(source, target), [], JSON.stringify(inherited))
  assert.is((await heir.ask('/readyz')).status, 200, 'a failure of warming never holds up the start')
  const receipt = (await heir.receipt()) as { sources?: SourceAccount[]; notes?: string[] }
  const accountOf = (name: string) => receipt.sources!.find((entry) => entry.name === name)!
  assert.is(accountOf('files').chunks.delivered, accountOf('files').chunks.planned)
  return { ended, shop: accountOf('shop'), notes: receipt.notes ?? [], restored: newApp.restored }
}

function listing(response: ServerResponse, ...chunks: object[]): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.end(chunks.map((chunk) => `${JSON.stringify(chunk)}\n`).join(''))
}

test('that hangs when it is asked for its inventory is left out after its time share', async () => {
  await using app = await serveApp(() => {})
  const { ended, shop, notes } = await parkBeside(app.url, { timeout: '1s' })
  assert.is(ended.code, 3, JSON.stringify(ended.result))
  assert.is(shop.chunks.delivered, 0)
  assert.ok(
    notes.some((note) => note.startsWith('shop:')),
    notes.join('\n'),
  )
})

test('that hangs on one chunk keeps nothing else from going, until the deadline', async () => {
  const answer: Answer = (request, response) => {
    const id = chunkIdOf(request)
    if (id === undefined) listing(response, { id: 'first' }, { id: 'hanging' }, { id: 'last' })
    else if (id !== 'hanging') response.end(id)
  }
  await using app = await serveApp(answer)
  const { ended, shop } = await parkBeside(app.url, { deadline: '8s' })
  assert.is(ended.code, 3, JSON.stringify(ended.result))
  assert.is(shop.chunks.planned, 3)
  assert.ok(shop.chunks.delivered < 3)
})

test('that dies between its inventory and its chunks is left out', async () => {
  let die = () => {}
  await using app = await serveApp((request, response) => {
    if (chunkIdOf(request) === undefined) listing(response, { id: 'one', bytes: 10 }, { id: 'two', bytes: 10 })
    else die()
  })
  die = () => void app.die()
  const { ended, shop } = await parkBeside(app.url)
  assert.is(ended.code, 3, JSON.stringify(ended.result))
  assert.equal(
    shop.leftOut.map(({ reason, chunks }) => [reason, chunks]),
    [['source-failed', 2]],
  )
})

test('that is not there at all is left out', async () => {
  await using app = await serveApp(() => {})
  await app.die()
  const { ended, notes } = await parkBeside(app.url)
  assert.is(ended.code, 3, JSON.stringify(ended.result))
  assert.ok(
    notes.some((note) => note.startsWith('shop:')),
    notes.join('\n'),
  )
})

test('that lies about sizes: what it lists wrongly goes as it is, what ends before its length is left out', async () => {
  const large = heldChunk('larger than listed', 2_000_000)
  await using app = await serveApp((request, response) => {
    const id = chunkIdOf(request)
    if (id === undefined) return listing(response, { id: large.id, bytes: 1 }, { id: 'cut', bytes: 4 }, { id: 'smaller', bytes: 1e9 })
    if (id === large.id) return void response.end(large.content)
    if (id === 'smaller') return void response.end('small')
    response.writeHead(200, { 'content-length': 100 })
    response.write('half', () => response.destroy())
  })
  const { ended, shop, restored } = await parkBeside(app.url)
  assert.is(ended.code, 3, JSON.stringify(ended.result))
  assert.is(shop.chunks.delivered, 2, JSON.stringify(shop))
  assert.equal(
    shop.leftOut.map(({ reason, chunks }) => [reason, chunks]),
    [['source-failed', 1]],
  )
  assert.equal(restored.get(large.id), large.content)
  assert.equal(new TextDecoder().decode(restored.get('smaller')), 'small')
  assert.is(restored.get('cut'), undefined, 'half a chunk is never restored')
})

test.run()
