// How soon it begins: from the notice to the first pack on the wire, and from the claim to the first restored pack, with agents that
// are up and enrolled. The times are the agents' own, from their events.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plan } from './plan.ts'
import { row, type Row } from './series.ts'
import { Stage } from './stage.ts'
import { writeTree } from './tree.ts'

const target = { most: 50 }
const treeFiles = 64
const treeFileBytes = 256 * 1024

export async function measureLatency(plan: Plan): Promise<Row[]> {
  const direct = { notice: [] as number[], claim: [] as number[] }
  const stored = { notice: [] as number[], claim: [] as number[] }
  for (let round = 0; round < plan.rounds; round++) {
    await firstPacks(plan, true, direct)
    await firstPacks(plan, false, stored)
    plan.note(`latency: round ${round + 1} of ${plan.rounds}`)
  }
  return [
    row('notice to first pack, successor waits', 'ms', direct.notice, { target }),
    row('claim to first restored, successor waits', 'ms', direct.claim, { target }),
    row('notice to first pack, to the store', 'ms', stored.notice, { target }),
    row('claim to first restored, from the store', 'ms', stored.claim, { target }),
  ]
}

async function firstPacks(plan: Plan, successorWaits: boolean, into: { notice: number[]; claim: number[] }): Promise<void> {
  await using stage = await Stage.open(plan.folder, plan.signal)
  const from = join(stage.folder, 'from')
  const to = join(stage.folder, 'to')
  await mkdir(to)
  await writeTree({ path: from, files: treeFiles, bytesOf: () => treeFileBytes })
  const predecessor = await stage.agent('predecessor', from)
  // An agent is ready when the relay has told it that nothing waits to be inherited.
  await stage.line(predecessor, 'ready')
  const early = successorWaits ? await stage.agent('successor', to) : undefined
  if (early !== undefined) {
    await stage.line(early, 'ready')
    // The relay has told the predecessor who waits, as it does within a second.
    await stage.line(predecessor, 'heir-linked')
  }
  predecessor.tell('SIGTERM')
  const sent = await stage.line(predecessor, 'first-pack')
  await stage.expectEnd(predecessor)
  const successor = early ?? (await stage.agent('successor', to))
  const restored = await stage.line(successor, 'first-pack')
  into.notice.push(Number(sent['afterMs']))
  into.claim.push(Number(restored['afterMs']))
}
