// The fast lane between real processes, on Node and on Deno, and what is left where a data port can't be reached.
// time-out: 400 s

import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Fleet } from '../helpers/fleet.ts'
import { denoRuntime, type Row } from '../helpers/process.ts'
import { seeded } from '../helpers/seed.ts'
import { makeTree, treeDifferences } from '../helpers/tree.ts'

const test = suite('fast lane')

const lanes = (row: Row) => row['lanes'] as Record<'fast' | 'stream' | 'store', { packs: number; bytes: number }>
const sockets = async (fleet: Fleet) => {
  const { http } = (await fleet.relay!.row('listening')) as unknown as { http: string }
  const { dataSockets } = (await (await fetch(`${http}/v1/status`)).json()) as { dataSockets: { accepted: number } | null }
  return dataSockets
}

test('packs start on the stream, and move over to the fast lane', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  makeTree(source, seeded(31), { large: [9_000_000] })
  const lane = ['--lane', 'fast,stream,store']
  const receiving = fleet.receive(join(fleet.folder, 'target'), lane)
  await fleet.waiting(1)
  const sent = await fleet.send(source, [...lane, '--max-rate', '6MB/s', '--deadline', '60s']).end()
  const received = await receiving.end()
  assert.is(sent.code, 0, sent.stderr)
  assert.is(received.code, 0, received.stderr)
  for (const { result } of [sent, received]) {
    assert.ok(lanes(result).fast.packs > 0, JSON.stringify(lanes(result)))
    assert.is(lanes(result).store.packs, 0)
    assert.is(result['resentBytes'], 0)
  }
  assert.equal(treeDifferences(source, join(fleet.folder, 'target')), [])
})

const deno = { runtime: denoRuntime('peer/cli.ts') }

for (const [what, sender, receiver] of [
  ['Node to Node', {}, {}],
  ['Node to Deno', {}, deno],
  ['Deno to Node', deno, {}],
] as const) {
  test(`${what}: everything goes by data socket when no stream may be used`, async () => {
    await using fleet = await Fleet.start()
    const source = await fleet.directory('source')
    makeTree(source, seeded(32), { large: [3_000_000] })
    const receiving = fleet.receive(join(fleet.folder, 'target'), ['--lane', 'fast'], receiver)
    await fleet.waiting(1)
    const sent = await fleet.send(source, ['--lane', 'fast'], sender).end()
    const received = await receiving.end()
    assert.is(sent.code, 0, sent.stderr)
    assert.is(received.code, 0, received.stderr)
    assert.ok(lanes(received.result).fast.packs > 0)
    assert.equal(treeDifferences(source, join(fleet.folder, 'target')), [])
  })

  test(`${what}: it is parked by a data socket and fetched by another`, async () => {
    await using fleet = await Fleet.start()
    const source = await fleet.directory('source')
    makeTree(source, seeded(33), { large: [3_000_000] })
    const sent = await fleet.send(source, [], sender).end()
    assert.is(sent.code, 0, sent.stderr)
    assert.is(sent.result['outcome'], 'parked')
    assert.is((await sockets(fleet))?.accepted, 1)
    const received = await fleet.receive(join(fleet.folder, 'target'), [], receiver).end()
    assert.is(received.code, 0, received.stderr)
    assert.is((await sockets(fleet))?.accepted, 2)
    assert.ok(lanes(received.result).store.packs > 0)
    assert.equal(treeDifferences(source, join(fleet.folder, 'target')), [])
  })
}

test('a relay without a data port is used by streams', async () => {
  await using fleet = await Fleet.start({ relay: 'data_port: off\n' })
  const source = await fleet.directory('source')
  makeTree(source, seeded(34), { large: [1_000_000] })
  const sent = await fleet.send(source).end()
  assert.is(sent.code, 0, sent.stderr)
  assert.is(await sockets(fleet), null)
  const received = await fleet.receive(join(fleet.folder, 'target')).end()
  assert.is(received.code, 0, received.stderr)
  assert.equal(treeDifferences(source, join(fleet.folder, 'target')), [])
})

test.run()
