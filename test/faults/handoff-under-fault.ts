// One handoff between real processes that a fault strikes at a seeded moment, and what must hold after it. The moment is counted in packs, so that the
// same seed strikes at the same place.

import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Fleet } from '../helpers/fleet.ts'
import type { Program, ProgramOptions } from '../helpers/process.ts'
import { SeededRandom } from '../helpers/seed.ts'
import { makeTree, treeDifferences } from '../helpers/tree.ts'

export type Party = 'relay' | 'predecessor' | 'successor'

export const parties: readonly Party[] = ['relay', 'predecessor', 'successor']

export interface Struck {
  readonly fleet: Fleet
  readonly sending: Program
  /** Undefined while nobody waits: then the handoff goes to the relay's store, and is fetched afterwards. */
  readonly waiting: Program | undefined
  readonly random: SeededRandom
}

export interface FaultyHandoff {
  readonly fleet: Fleet
  readonly random: SeededRandom
  /** How each of the two ends is run. */
  readonly programs?: Readonly<Partial<Record<'predecessor' | 'successor', ProgramOptions>>>
  /** Strikes when some packs are acknowledged; resolves when the fault is over. */
  readonly strike: (struck: Struck) => Promise<void>
}

/** Both sides end well, and everything has arrived as it was. */
export async function handOffUnderFault({ fleet, random, programs = {}, strike }: FaultyHandoff): Promise<void> {
  const source = await fleet.directory('source')
  const target = join(fleet.folder, 'target')
  makeTree(source, () => random.next(), { files: 40, large: [random.integer(3_000_000, 5_000_000), 3_000_000] })
  const afterPacks = random.integer(1, 6)
  const receive = () => fleet.receive(target, [], programs.successor)
  const waiting = random.next() < 0.6 ? receive() : undefined
  if (waiting !== undefined) await fleet.waiting(1)
  const sending = fleet.send(source, ['--max-rate', '12MB/s', '--deadline', '60s'], programs.predecessor)
  for (let events = 1; acknowledgedPacks(sending) < afterPacks; events++) await sending.row('pack', events)
  await strike({ fleet, sending, waiting, random })
  const sent = await sending.end()
  assert.is(sent.code, 0, `sending: ${sent.stderr} ${JSON.stringify(sent.result)}`)
  const received = await (waiting ?? receive()).end()
  assert.is(received.code, 0, `receiving: ${received.stderr} ${JSON.stringify(received.result)}`)
  assert.equal(treeDifferences(source, target), [])
}

/** The process of a party, undefined for a successor that isn't there yet. */
export function programOf({ fleet, sending, waiting }: Struck, party: Party): Program | undefined {
  return party === 'relay' ? fleet.relay : party === 'predecessor' ? sending : waiting
}

function acknowledgedPacks({ rows }: Program): number {
  return rows.filter((row) => row.event === 'pack').reduce((sum, row) => sum + Number(row['packs']), 0)
}

/** Runs a fault's body; when it fails, says with which seed. */
export async function withFaultSeed(name: string, seed: number, body: (random: SeededRandom) => Promise<void>): Promise<void> {
  try {
    await body(new SeededRandom(seed))
  } catch (thrown) {
    const { message, details = '' } = thrown as Error & { details?: string }
    throw new Error(`${name}, seed ${seed}: ${message} ${details}`, { cause: thrown })
  }
}
