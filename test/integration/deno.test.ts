// The same sources under Deno, with no more than the permissions that are written down: each program there against the others on Node.

import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Fleet } from '../helpers/fleet.ts'
import { denoRuntime } from '../helpers/process.ts'
import { seeded } from '../helpers/seed.ts'
import { makeTree, treeDifferences } from '../helpers/tree.ts'

const test = suite('a handoff between Node and Deno')
const deno = { runtime: denoRuntime('peer/cli.ts') }

for (const [what, sender, receiver] of [
  ['a predecessor on Node hands to a successor on Deno', {}, deno],
  ['a predecessor on Deno hands to a successor on Node', deno, {}],
] as const) {
  test(`${what}, directly`, async () => {
    await using fleet = await Fleet.start()
    const source = await fleet.directory('source')
    makeTree(source, seeded(21), { large: [3_000_000] })
    const receiving = fleet.receive(join(fleet.folder, 'target'), [], receiver)
    await fleet.waiting(1)
    const sent = await fleet.send(source, [], sender).end()
    const received = await receiving.end()
    assert.is(sent.code, 0, sent.stderr)
    assert.is(received.code, 0, received.stderr)
    assert.equal(treeDifferences(source, join(fleet.folder, 'target')), [])
  })

  test(`${what}, through the relay's store`, async () => {
    await using fleet = await Fleet.start()
    const source = await fleet.directory('source')
    makeTree(source, seeded(22))
    const sent = await fleet.send(source, [], sender).end()
    assert.is(sent.code, 0, sent.stderr)
    assert.is(sent.result['outcome'], 'parked')
    const received = await fleet.receive(join(fleet.folder, 'target'), [], receiver).end()
    assert.is(received.code, 0, received.stderr)
    assert.equal(treeDifferences(source, join(fleet.folder, 'target')), [])
  })
}

test.run()
