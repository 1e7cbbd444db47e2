// A successor that is stopped in the middle (SIGSTOP) and goes on later (SIGCONT): its lane stalls, the rest is parked, and when it
// is back it restores everything, from both places.

import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Fleet } from '../helpers/fleet.ts'
import { seeded } from '../helpers/seed.ts'
import { makeTree, treeDifferences } from '../helpers/tree.ts'

const test = suite('a successor that is stopped')

test('the rest is parked while it stands still, and restored when it goes on', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  const target = join(fleet.folder, 'target')
  makeTree(source, seeded(11), { large: [9_000_000, 9_000_000] })
  const receiving = fleet.receive(target)
  await fleet.waiting(1)
  const sending = fleet.send(source, ['--max-rate', '12MB/s', '--deadline', '60s'])
  await receiving.row('restored', 4)
  receiving.kill('SIGSTOP')
  const sent = await sending.end()
  assert.is(sent.code, 0, `${sent.stderr} ${JSON.stringify(sent.result)}`)
  receiving.kill('SIGCONT')
  const received = await receiving.end()
  assert.is(received.code, 0, `${received.stderr} ${JSON.stringify(received.result)}`)
  assert.equal(treeDifferences(source, target), [])
})

test.run()
