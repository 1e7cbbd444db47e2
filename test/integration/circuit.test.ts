// Peers that can't dial one another: through the relay, or by the one of the two that can dial.
// time-out: 240 s

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startAgent } from '../helpers/agent.ts'
import { Fleet } from '../helpers/fleet.ts'
import { NatLab } from '../helpers/nat-lab.ts'
import type { Row } from '../helpers/process.ts'
import { seeded } from '../helpers/seed.ts'
import { makeTree, treeDifferences } from '../helpers/tree.ts'

const test = suite('circuit')

function packsBy(result: Row): Record<string, number> {
  const lanes = result['lanes'] as Record<string, { packs: number }>
  return Object.fromEntries(Object.entries(lanes).map(([lane, { packs }]) => [lane, packs]))
}

test('a handoff goes through the relay when nothing else is allowed', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  makeTree(source, seeded(71))
  await writeFile(join(source, 'large'), Buffer.alloc(6_000_000, 7))
  const target = await fleet.directory('target')
  const receiver = fleet.receive(target, ['--lane', 'circuit'])
  await receiver.row('circuit-place')
  await fleet.waiting(1)
  const sent = await fleet.send(source, ['--lane', 'circuit', '--deadline', '40s']).end()
  assert.is(sent.code, 0, sent.stderr)
  assert.is((await receiver.end()).code, 0)
  assert.equal(treeDifferences(source, target), [])
  const { fast, stream, store, circuit } = packsBy(sent.result)
  assert.equal([fast, stream, store], [0, 0, 0])
  assert.ok(circuit! > 0)
})

test('bad input: an heir that takes no circuits is not handed anything through one', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  makeTree(source, seeded(72))
  const receiver = fleet.receive(await fleet.directory('target'), ['--lane', 'store'])
  await fleet.waiting(1)
  const sent = await fleet.send(source, ['--lane', 'circuit,store', '--deadline', '40s']).end()
  assert.is(sent.code, 0, sent.stderr)
  assert.is((await receiver.end()).code, 0)
  const { circuit, store } = packsBy(sent.result)
  assert.is(circuit, 0)
  assert.ok(store! > 0)
})

test('two peers behind NAT hand over through the relay, when neither can dial the other', async () => {
  await using lab = await NatLab.open()
  await using fleet = await Fleet.start({ host: lab.middleAddress, relayRuntime: { runtime: lab.on('middle') } })
  const source = await fleet.directory('source')
  makeTree(source, seeded(73))
  const target = await fleet.directory('target')
  const lanes = ['--lane', 'fast,stream,circuit']
  const receiver = fleet.receive(target, lanes, { runtime: lab.on('right') })
  await receiver.row('circuit-place')
  const sent = await fleet.send(source, [...lanes, '--deadline', '40s'], { runtime: lab.on('left') }).end()
  assert.is(sent.code, 0, sent.stderr)
  assert.is((await receiver.end()).code, 0)
  assert.equal(treeDifferences(source, target), [])
  const { fast, stream, circuit } = packsBy(sent.result)
  assert.equal([fast, stream], [0, 0])
  assert.ok(circuit! > 0)
})

test('an heir behind NAT dials its predecessor, and the handoff goes directly', async () => {
  await using lab = await NatLab.open()
  await using fleet = await Fleet.start({ host: lab.middleAddress, relayRuntime: { runtime: lab.on('middle') } })
  const source = await fleet.directory('source')
  makeTree(source, seeded(74))
  const target = await fleet.directory('target')
  const sources = [{ name: 'directory', kind: 'directory', path: source }]
  const listen = [`/ip4/${lab.middleAddress}/tcp/0`]
  const policy = { lanes: ['fast', 'stream'] }
  const old = await startAgent(fleet, 'old', { sources, listen, policy, runtime: lab.on('middle') })
  await old.program.row('ready')
  const receiver = fleet.receive(target, [], { runtime: lab.on('right') })
  await receiver.row('circuit-place')
  old.program.kill('SIGTERM')
  const { code, result, stderr } = await old.program.end()
  assert.is(code, 0, stderr)
  assert.is((await receiver.end()).code, 0)
  assert.equal(treeDifferences(source, target), [])
  const { fast, stream } = packsBy(result)
  assert.ok(fast! + stream! > 0)
})

test.run()
