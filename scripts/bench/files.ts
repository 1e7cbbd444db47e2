// How many small files a second go from directory to directory: from the notice to the end of the restore, walk and all.

import { join } from 'node:path'
import { rm } from 'node:fs/promises'
import { HeirloomError } from '../../src/errors.ts'
import type { Plan } from './plan.ts'
import { row, type Row } from './series.ts'
import { Stage } from './stage.ts'
import { writeTree } from './tree.ts'

/** Sizes from 1 to 4 KiB. */
const bytesOf = (index: number) => 1024 + ((index * 2_654_435_761) % (3 * 1024 + 1))

export async function measureFiles(plan: Plan): Promise<Row[]> {
  await using stage = await Stage.open(plan.folder, plan.signal)
  const from = join(stage.folder, 'from')
  await writeTree({ path: from, files: plan.files, bytesOf })
  const runs: number[] = []
  for (let round = 0; round < plan.rounds; round++) {
    const to = join(stage.folder, `to-${round}`)
    const receiver = stage.oneShot('receive', to, 'stream')
    await stage.waiting(1)
    const sender = stage.oneShot('send', from, 'stream')
    const notice = await stage.line(sender, 'notice')
    const end = await stage.line(receiver, 'handoff-end')
    const { delivered } = end['chunks'] as { delivered: number }
    if (delivered < plan.files) throw new HeirloomError('internal', `${delivered} of ${plan.files} files arrived`)
    await Promise.all([stage.expectEnd(sender), stage.expectEnd(receiver)])
    runs.push((plan.files * 1000) / (Number(end['atMs']) - Number(notice['atMs'])))
    await rm(to, { recursive: true, force: true })
    plan.note(`files: round ${round + 1} of ${plan.rounds}`)
  }
  return [row(`${plan.files} files of 1 to 4 KiB`, 'files/s', runs, { target: { least: 20_000 } })]
}
