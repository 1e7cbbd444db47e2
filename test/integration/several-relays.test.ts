// time-out: 200 s
// Two relays of one pool, as real processes: a successor asks both, a handoff outlives the one it began at, and has one heir.

import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { orderRelays } from '../../peer/relay-order.ts'
import { readKeyFile } from '../../src/cli/secret-file.ts'
import { Fleet } from '../helpers/fleet.ts'
import type { Program } from '../helpers/process.ts'
import { seeded } from '../helpers/seed.ts'
import { makeTree, treeDifferences } from '../helpers/tree.ts'

const test = suite('several relays')

/** Two relays, the one that the pool's peers try first by name; and a directory to hand over. */
async function openScene() {
  await using opened = new AsyncDisposableStack()
  const fleet = opened.use(await Fleet.start({ relay: 'lease: 2s' }))
  const another = await fleet.anotherRelay('another')
  const relays = [{ program: fleet.relay!, address: fleet.address }, another]
  const { pool } = await readKeyFile(fleet.key)
  const [[firstAddress] = []] = orderRelays(
    relays.map(({ address }) => address),
    pool.id,
  )
  const [first, second] = relays[0]!.address === firstAddress ? relays : relays.toReversed()
  const source = await fleet.directory('source')
  makeTree(source, seeded(7), { files: 30, large: [4_000_000, 3_000_000] })
  // Whatever the order of the list.
  fleet.address = second!.address
  const owned = opened.move()
  return {
    fleet,
    first: first!,
    second: second!,
    source,
    target: join(fleet.folder, 'target'),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function acknowledged(program: Program, packs: number): Promise<void> {
  const sum = () => program.rows.filter((row) => row.event === 'pack').reduce((total, row) => total + Number(row['packs']), 0)
  for (let events = 1; sum() < packs; events++) await program.row('pack', events)
}

const slowly = ['--max-rate', '3MB/s', '--deadline', '60s']

test('a successor asks all relays: it hears of a handoff that was offered at the last one of its list', async () => {
  await using scene = await openScene()
  const { fleet, first, second, source, target } = scene
  const receiving = fleet.receive(target, ['--relay', first.address])
  await Promise.all([fleet.waiting(1, first.program), fleet.waiting(1, second.program)])
  const sent = await fleet.send(source).end()
  assert.is(sent.code, 0, sent.stderr)
  const received = await receiving.end()
  assert.is(received.code, 0, received.stderr)
  assert.equal(treeDifferences(source, target), [])
  assert.is(received.result['handoff'], sent.result['handoff'])
})

test('the relay dies in the middle: what it had goes to the next one, and a successor that comes later has all of it', async () => {
  await using scene = await openScene()
  const { fleet, first, source, target } = scene
  const sending = fleet.send(source, ['--relay', first.address, ...slowly])
  await acknowledged(sending, 3)
  first.program.kill('SIGKILL')
  const sent = await sending.end()
  assert.is(sent.code, 0, `${sent.stderr} ${JSON.stringify(sent.result)}`)
  assert.is(sent.result['outcome'], 'parked')
  const received = await fleet.receive(target).end()
  assert.is(received.code, 0, received.stderr)
  assert.equal(treeDifferences(source, target), [])
})

test('the relay dies under an heir: it is the same heir of the same epoch at the next one, and others that wait there are not', async () => {
  await using scene = await openScene()
  const { fleet, first, second, source, target } = scene
  const both = ['--relay', first.address]
  const receiving = fleet.receive(target, both)
  await Promise.all([fleet.waiting(1, first.program), fleet.waiting(1, second.program)])
  const sending = fleet.send(source, [...both, ...slowly])
  await acknowledged(sending, 2)
  const rival = fleet.receive(join(fleet.folder, 'rival'), ['--wait', '60s'])
  await fleet.waiting(1, second.program)
  first.program.kill('SIGKILL')
  const [sent, received] = [await sending.end(), await receiving.end()]
  assert.is(sent.code, 0, `${sent.stderr} ${JSON.stringify(sent.result)}`)
  assert.is(received.code, 0, `${received.stderr} ${JSON.stringify(received.result)}`)
  assert.is(sent.result['outcome'], 'delivered')
  assert.equal([sent.result['epoch'], received.result['epoch']], [1, 1])
  assert.equal(treeDifferences(source, target), [])
  assert.not(rival.rows.some(({ event }) => event === 'claim'))
})

test.run()
