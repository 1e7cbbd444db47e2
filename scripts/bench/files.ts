// How many small files a second go from directory to directory: from the notice to the end of the restore, walk and all. And how many a bare
// loop writes on the same disk, in the same rounds: a slow disk bounds everybody.

import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { HeirloomError } from '../../src/errors.ts'
import { writeBareFiles } from './bare-files.ts'
import type { Plan } from './plan.ts'
import { row, type Row } from './series.ts'
import { Stage } from './stage.ts'
import { writeTree } from './tree.ts'

/** Sizes from 1 to 4 KiB. */
const bytesOf = (index: number) => 1024 + ((index * 2_654_435_761) % (3 * 1024 + 1))

export async function measureFiles(plan: Plan): Promise<Row[]> {
  const { files, rounds, folder, signal, note } = plan
  await using stage = await Stage.open(folder, signal)
  const from = join(stage.folder, 'from')
  await writeTree({ path: from, files, bytesOf })
  const runs: number[] = []
  const bare: number[] = []
  const measureBare = async () => {
    const path = join(stage.folder, 'bare')
    bare.push(await onSettledDisk(stage, path, () => writeBareFiles({ path, files, bytesOf })))
  }
  const measureHandoff = async () => {
    const to = join(stage.folder, 'to')
    runs.push(await onSettledDisk(stage, to, () => handOver(stage, { from, to, files })))
  }
  for (let round = 0; round < rounds; round++) {
    // Each goes first as often as second.
    const order = round % 2 === 0 ? [measureBare, measureHandoff] : [measureHandoff, measureBare]
    for (const measure of order) await measure()
    note(`files: round ${round + 1} of ${rounds}`)
  }
  const name = `${files} files of 1 to 4 KiB`
  return [
    row(name, 'files/s', runs, { baseline: bare, target: { least: 20_000 }, judgeBy: 'median' }),
    row(`${name}, written by a bare loop`, 'files/s', bare),
  ]
}

/** Files a second of one handoff. */
async function handOver(stage: Stage, { from, to, files }: { from: string; to: string; files: number }): Promise<number> {
  const receiver = stage.oneShot('receive', to, 'stream')
  await stage.waiting(1)
  const sender = stage.oneShot('send', from, 'stream')
  const notice = await stage.line(sender, 'notice')
  const end = await stage.line(receiver, 'handoff-end')
  const { delivered } = end['chunks'] as { delivered: number }
  if (delivered < files) throw new HeirloomError('internal', `${delivered} of ${files} files arrived`)
  await Promise.all([stage.expectEnd(sender), stage.expectEnd(receiver)])
  return (files * 1000) / (Number(end['atMs']) - Number(notice['atMs']))
}

/** Measures what writes to `path` and removes it; what was written and removed before mustn't be at the disk still. */
export async function onSettledDisk(stage: Stage, path: string, measure: () => number | Promise<number>): Promise<number> {
  await promisify(execFile)('sync', ['-f', stage.folder], { signal: stage.signal })
  const measured = await measure()
  await rm(path, { recursive: true, force: true })
  return measured
}
