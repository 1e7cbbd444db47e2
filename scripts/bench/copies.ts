// From directory to directory, side by side with what others use for it: each copies the same tree in turn, round by round. Heirloom's time is from the
// notice to the end of the restore, with both ends up; that of others from their start to their end, with their server up.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { HeirloomError } from '../../src/errors.ts'
import { onSettledDisk } from './files.ts'
import { mebibyte } from './memory-state.ts'
import type { Plan } from './plan.ts'
import { PrivateSshd } from './private-sshd.ts'
import { freePort, installedPrograms, runProgram, Server, type Program } from './programs.ts'
import { row, type Row } from './series.ts'
import { Stage } from './stage.ts'
import { writeJsonTree, writeTree } from './tree.ts'

const fileMebibytes = 64

interface Tree {
  readonly name: string
  readonly files: number
  /** What a run is counted in: MB, or files. */
  readonly unit: 'MB/s' | 'files/s'
  readonly amount: number
  write(path: string): Promise<void>
}

/** A way to copy a directory; answers the seconds that it took. */
interface Way {
  readonly name: string
  copy(from: string, to: string): Promise<number>
}

export async function measureCopies(plan: Plan): Promise<Row[]> {
  const rows: Row[] = []
  for (const tree of treesOf(plan)) rows.push(...(await measureTree(plan, tree)))
  return rows
}

function treesOf({ copyMebibytes, jsonMebibytes, files }: Plan): Tree[] {
  const large = (mebibytes: number) => ({
    files: mebibytes / fileMebibytes,
    unit: 'MB/s' as const,
    amount: (mebibytes * mebibyte) / 1e6,
    bytesOf: () => fileMebibytes * mebibyte,
  })
  const random = large(copyMebibytes)
  const json = large(jsonMebibytes)
  return [
    { ...random, name: `${copyMebibytes} MiB random`, write: (path) => writeTree({ ...random, path }) },
    { ...json, name: `${jsonMebibytes} MiB JSON`, write: (path) => writeJsonTree({ ...json, path }) },
    {
      name: `${files} small files`,
      files,
      unit: 'files/s',
      amount: files,
      write: (path) => writeTree({ path, files, bytesOf: smallBytes }),
    },
  ]
}

/** From 1 to 4 KiB. */
const smallBytes = (index: number) => 1024 + ((index * 2_654_435_761) % (3 * 1024 + 1))

async function measureTree(plan: Plan, tree: Tree): Promise<Row[]> {
  const { folder, signal, rounds, note } = plan
  await using stage = await Stage.open(folder, signal)
  const from = join(stage.folder, 'from')
  await tree.write(from)
  await using servers = new AsyncDisposableStack()
  const ways = [heirloom(stage, tree.files), bareCopy(stage), ...(await othersOf(stage, from, servers))]
  const rates = new Map(ways.map(({ name }) => [name, [] as number[]]))
  for (let round = 0; round < rounds; round++) {
    // Each goes first as often as others.
    for (const way of [...ways.slice(round % ways.length), ...ways.slice(0, round % ways.length)]) {
      const to = join(stage.folder, 'to')
      const seconds = await onSettledDisk(stage, to, () => way.copy(from, to))
      rates.get(way.name)!.push(tree.amount / seconds)
    }
    note(`copies, ${tree.name}: round ${round + 1} of ${rounds}`)
  }
  return rowsOf(tree, rates)
}

function rowsOf({ name, unit }: Tree, rates: ReadonlyMap<string, readonly number[]>): Row[] {
  const heirloomRuns = rates.get('Heirloom')!
  const against = (other: string, least?: number) => {
    const baseline = rates.get(other)
    return baseline === undefined
      ? []
      : [row(`${name}: Heirloom, of ${other}`, unit, heirloomRuns, { baseline, ...(least !== undefined && { target: { least } }) })]
  }
  return [
    ...[...rates].map(([way, runs]) => row(`${name}: ${way}`, unit, runs)),
    ...against(bareName),
    ...against('rsync -e ssh', 3),
    ...(unit === 'MB/s' ? against('rclone, plain HTTP', 1) : []),
  ]
}

function heirloom(stage: Stage, files: number): Way {
  return {
    name: 'Heirloom',
    async copy(from, to) {
      const receiver = stage.oneShot('receive', to, 'fast')
      await stage.waiting(1)
      const sender = stage.oneShot('send', from, 'fast')
      const notice = await stage.line(sender, 'notice')
      const end = await stage.line(receiver, 'handoff-end')
      const { delivered } = end['chunks'] as { delivered: number }
      if (delivered < files) throw new HeirloomError('internal', `${delivered} of ${files} files arrived`)
      await Promise.all([stage.expectEnd(sender), stage.expectEnd(receiver)])
      return (Number(end['atMs']) - Number(notice['atMs'])) / 1000
    },
  }
}

const bareName = 'a bare sealed copy'

/** What is left for any restore of this runtime to win. */
function bareCopy(stage: Stage): Way {
  return {
    name: bareName,
    async copy(from, to) {
      const sender = stage.end({ part: 'send-copy', from })
      const { port } = await stage.line(sender, 'listening')
      const receiver = stage.end({ part: 'receive-copy', port: Number(port), to })
      const begun = await stage.line(receiver, 'begun')
      const done = await stage.line(receiver, 'done')
      await Promise.all([stage.expectEnd(sender), stage.expectEnd(receiver)])
      return (Number(done['atMs']) - Number(begun['atMs'])) / 1000
    },
  }
}

/** Those whose programs are here, with their servers up. */
async function othersOf(stage: Stage, from: string, servers: AsyncDisposableStack): Promise<Way[]> {
  const { signal } = stage
  const programs = await installedPrograms()
  const has = (...names: Program[]) => names.every((name) => name in programs)
  const ways: Way[] = []
  const add = (name: string, command: (to: string) => readonly string[]) =>
    ways.push({ name, copy: (_, to) => timed(to, () => runProgram(command(to), signal)) })
  if (has('ssh', '/usr/sbin/sshd')) {
    const sshd = servers.use(await PrivateSshd.start(join(stage.folder, 'sshd'), signal))
    const shell = sshd.ssh.join(' ')
    if (has('rsync')) add('rsync -e ssh', (to) => ['rsync', '-a', '-e', shell, `${from}/`, `${sshd.login}:${to}/`])
    add('scp', (to) => [...sshd.scp, `${from}/.`, `${sshd.login}:${to}`])
    add('tar | ssh', (to) => ['sh', '-c', `tar -C '${from}' -cf - . | ${shell} ${sshd.login} "tar -C '${to}' -xf -"`])
  }
  if (has('rclone')) {
    const port = await freePort()
    const address = `127.0.0.1:${port}`
    const none = ['--config', '/dev/null']
    servers.use(await Server.start(['rclone', 'serve', 'http', from, '--addr', address, '--read-only', ...none], port, signal))
    add('rclone, plain HTTP', (to) => ['rclone', 'copy', ':http:', to, '--http-url', `http://${address}`, ...none])
  }
  return ways
}

async function timed(to: string, run: () => Promise<void>): Promise<number> {
  await mkdir(to)
  const startedMs = performance.now()
  await run()
  return (performance.now() - startedMs) / 1000
}
