// What is left for the notice when the state went ahead: one file of a hundred has changed since, and there are five seconds on a link of 1 Gbit/s.
// Files count as unchanged by size and times; what they came to is known from the predecessor's result.

import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { delay, systemClock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import { racyWriteMs } from '../../src/limits/preship.ts'
import type { Plan } from './plan.ts'
import { row, type Row } from './series.ts'
import { Stage } from './stage.ts'
import { filesPerFolder, writeTree } from './tree.ts'

const fileBytes = 256 * 1024
const changedShare = 0.01
const deadlineMs = 5000
const policy = { preship: { every: '500ms', rate: '2GB/s' }, max_rate: '125MB/s', reserve: '500ms' }

export async function measurePreship(plan: Plan): Promise<Row[]> {
  const shares: number[] = []
  const times: number[] = []
  for (let round = 0; round < plan.rounds; round++) {
    const { share, tookMs } = await handOffChanged(plan)
    shares.push(100 * share)
    times.push(tookMs)
    plan.note(`preship: round ${round + 1} of ${plan.rounds}`)
  }
  const size = `${plan.memoryMebibytes} MiB`
  return [
    row(`sent at the notice, 1 % of ${size} changed`, '% of it', shares, { target: { most: 2 } }),
    row(`notice to the end, 1 Gbit/s, ${size}`, 'ms', times, { target: { most: deadlineMs } }),
  ]
}

async function handOffChanged(plan: Plan): Promise<{ share: number; tookMs: number }> {
  await using stage = await Stage.open(plan.folder, plan.signal)
  const from = join(stage.folder, 'from')
  const to = join(stage.folder, 'to')
  await mkdir(to)
  const files = plan.memoryMebibytes * 4
  await writeTree({ path: from, files, bytesOf: () => fileBytes })
  // What was written just now may be written again without its times showing it, and goes again.
  await delay(systemClock, racyWriteMs, plan.signal)
  const notices = [{ kind: 'signal', deadline: `${deadlineMs}ms` }]
  const predecessor = await stage.agent('predecessor', from, { notices, policy })
  await shipped(stage, predecessor)
  for (let file = 0; file < files; file += 1 / changedShare) {
    const path = join(from, `folder-${Math.floor(file / filesPerFolder)}`, `file-${file}`)
    await writeFile(path, randomBytes(fileBytes))
  }
  predecessor.tell('SIGTERM')
  const { bytes, elapsedMs, outcome } = (await stage.line(predecessor, 'result')) as unknown as Result
  if (outcome !== 'parked') throw new HeirloomError('internal', `the handoff ended ${outcome}: not all of it went in time`)
  await stage.expectEnd(predecessor)
  const successor = await stage.agent('successor', to)
  const inherited = await stage.line(successor, 'inherited')
  if (inherited['outcome'] !== 'delivered') throw new HeirloomError('internal', `the successor has it ${String(inherited['outcome'])}`)
  return { share: bytes.sealed / bytes.planned, tookMs: elapsedMs }
}

interface Result {
  readonly bytes: { readonly planned: number; readonly sealed: number }
  readonly elapsedMs: number
  readonly outcome: string
}

/** A round has come to its end: all of it is at the relay. */
async function shipped(stage: Stage, child: Parameters<Stage['line']>[0]): Promise<void> {
  const { complete } = await stage.line(child, 'shipped-ahead')
  if (complete !== true) throw new HeirloomError('internal', 'the first round ahead of the notice did not come to its end')
}
