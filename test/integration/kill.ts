// One handoff in which one of the three processes is killed with SIGKILL at a seeded moment, and what must hold after it.
// The moment is counted in packs, not in time: the same seed kills at the same place.

import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { Fleet } from '../helpers/fleet.ts'
import type { Program } from '../helpers/process.ts'
import { seeded } from '../helpers/seed.ts'
import { makeTree, treeDifferences } from '../helpers/tree.ts'

export type Victim = 'relay' | 'predecessor' | 'successor'

/** A short lease, so that a dead peer is noticed within the test. */
const relay = 'lease: 1s'
const sendArgs = ['--max-rate', '12MB/s', '--deadline', '60s']

export async function killDuringHandoff(victim: Victim, seed: number): Promise<void> {
  try {
    await run(victim, seed)
  } catch (thrown) {
    const { message, details = '' } = thrown as Error & { details?: string }
    throw new Error(`seed ${seed}, ${victim} killed: ${message} ${details}`, { cause: thrown })
  }
}

async function run(victim: Victim, seed: number): Promise<void> {
  const random = seeded(seed)
  const isDirect = random() < 0.6
  const afterPacks = 1 + Math.floor(random() * 8)
  await using fleet = await Fleet.start({ relay })
  const source = await fleet.directory('source')
  const target = join(fleet.folder, 'target')
  makeTree(source, random, { files: 40, large: [4_000_000 + Math.floor(random() * 1_000_000), 3_000_000] })
  const waiting = isDirect ? fleet.receive(target) : undefined
  if (isDirect) await fleet.waiting(1)
  const sending = fleet.send(source, sendArgs)
  // Packs may be acknowledged several at a time.
  for (let events = 1; acknowledgedPacks(sending) < afterPacks; events++) await sending.row('pack', events)
  if (victim === 'relay') await killRelay(fleet, { source, target, sending, waiting })
  else if (victim === 'predecessor') await killPredecessor(fleet, { source, target, sending, waiting })
  else await killSuccessor(fleet, { source, target, sending, waiting, afterPacks })
}

function acknowledgedPacks({ rows }: Program): number {
  return rows.filter((row) => row.event === 'pack').reduce((sum, row) => sum + Number(row['packs']), 0)
}

interface Scene {
  readonly source: string
  readonly target: string
  readonly sending: Program
  readonly waiting: Program | undefined
}

/** The relay comes back with its store: both sides go on, and everything arrives. */
async function killRelay(fleet: Fleet, { source, target, sending, waiting }: Scene): Promise<void> {
  fleet.relay!.kill('SIGKILL')
  await fleet.relay!.end()
  await fleet.startRelay()
  const sent = await sending.end()
  assert.is(sent.code, 0, `${sent.stderr} ${JSON.stringify(sent.result)}`)
  const received = await (waiting ?? fleet.receive(target)).end()
  assert.is(received.code, 0, `${received.stderr} ${JSON.stringify(received.result)}`)
  assert.equal(treeDifferences(source, target), [])
}

/** Everything that was acknowledged to the predecessor is restored; what is there is as it was. */
async function killPredecessor(fleet: Fleet, { source, target, sending, waiting }: Scene): Promise<void> {
  sending.kill('SIGKILL')
  await sending.end()
  const acknowledged = acknowledgedPacks(sending)
  const receiving = waiting ?? fleet.receive(target)
  const received = await receiving.end()
  assert.ok(received.code === 3 || received.code === 0, `${received.code} ${received.stderr}`)
  const restored = receiving.rows.filter((row) => row.event === 'restored').length
  assert.ok(restored >= acknowledged, `${acknowledged} packs were acknowledged and ${restored} restored`)
  assert.equal(treeDifferences(source, target, { partial: true }), [])
}

/** A successor that is started again goes on where it was. */
async function killSuccessor(
  fleet: Fleet,
  { source, target, sending, waiting, afterPacks }: Scene & { afterPacks: number },
): Promise<void> {
  const first = waiting ?? fleet.receive(target)
  await first.row('restored', Math.min(afterPacks, 3))
  first.kill('SIGKILL')
  await first.end()
  // What was parked is soon restored: on a busy machine it may have been done, and nobody is given the handoff again.
  if (first.rows.some((row) => row.event === 'handoff-end')) {
    await sending.end()
    return assert.equal(treeDifferences(source, target), [])
  }
  const before = first.rows.filter((row) => row.event === 'restored').length
  const second = fleet.receive(target)
  const received = await second.end()
  const sent = await sending.end()
  assert.is(sent.code, 0, `${sent.stderr} ${JSON.stringify(sent.result)}`)
  assert.is(received.code, 0, `${received.stderr} ${JSON.stringify(received.result)}`)
  assert.equal(treeDifferences(source, target), [])
  const again = second.rows.filter((row) => row.event === 'restored').length
  assert.ok(before + again >= 8, 'both runs together restored all packs')
}
