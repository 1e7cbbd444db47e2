// `npm run soak`: one relay under steady use for half an hour. Its memory, descriptors and disk must not grow: at the end what they were in the middle.

import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { parseArgs, promisify } from 'node:util'
import { onInterrupt } from '../src/cli/entry.ts'
import { circumstances } from './bench/machine.ts'
import { Stage } from './bench/stage.ts'
import { renderTable } from './demo/table.ts'
import { readProcess, type Reading } from './load/process-watch.ts'
import type { SoakEnd } from './load/soak-main.ts'

const usage = `npm run soak -- [--minutes N] [--pairs N] [--mebibytes N] [--folder DIR] [--json]

  --minutes N     how long (30)
  --pairs N       handoffs at a time (8)
  --mebibytes N   of state each (4)
  --folder DIR    for the relay's store, on a real disk
  --json          the result as a line of JSON`

/** What the relay may have more of at the end than in the middle. */
const growthMax = 0.1

/** A part of the time, at whose beginning, middle and end the medians are compared. */
const stretch = 0.1

interface Sample extends Reading {
  readonly atS: number
  readonly diskBytes: number
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      pairs: { type: 'string', default: '8' },
      mebibytes: { type: 'string', default: '4' },
      folder: { type: 'string', default: tmpdir() },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  using interrupt = onInterrupt()
  await using stage = await Stage.open(values.folder, interrupt.signal)
  const seconds = Number(values.minutes) * 60
  const end: SoakEnd = {
    relay: stage.relay.address,
    keyFile: stage.keyFile,
    folder: stage.folder,
    pairs: Number(values.pairs),
    mebibytes: Number(values.mebibytes),
    seconds,
  }
  const peers = stage.program('the peers', ['scripts/load/soak-end.js', JSON.stringify(end)])
  const { samples, handoffs, failures } = await watch(stage, peers, seconds)
  const [start, middle, last] = [0, (1 - stretch) / 2, 1 - stretch].map((from) => medians(samples, from))
  const growth = last!.rssBytes / middle!.rssBytes - 1
  const missed = [
    ...(growth > growthMax ? [`memory grew by ${(100 * growth).toFixed(1)} % from the middle to the end`] : []),
    ...(last!.descriptors > middle!.descriptors * (1 + growthMax) + 8 ? ['descriptors grew'] : []),
    ...(failures > 0 ? [`${failures} handoffs failed`] : []),
  ]
  const result = { minutes: Number(values.minutes), handoffs, failures, start, middle, end: last, growth, missed }
  if (values.json) console.log(JSON.stringify({ ...(await circumstances(resolve(import.meta.dirname, '..'))), ...result }))
  else console.log(table({ start: start!, middle: middle!, end: last! }, handoffs))
  for (const what of missed) console.error(`missed: ${what}`)
  return missed.length === 0 ? 0 : 1
}

async function watch(stage: Stage, peers: ReturnType<Stage['program']>, seconds: number) {
  const samples: Sample[] = []
  const startMs = performance.now()
  using _failed = peers.listen(({ event, ...line }) => {
    if (event === 'failed')
      console.error(`${Math.round((performance.now() - startMs) / 1000)} s: ${line['who'] as string}: ${line['outcome'] as string}`)
  })
  const look = async () => {
    const [reading, diskBytes] = await Promise.all([readProcess(stage.relay.child.pid!), diskOf(join(stage.folder, 'store'))])
    samples.push({ ...reading, diskBytes, atS: (performance.now() - startMs) / 1000 })
  }
  const looking = setInterval(() => void look().catch(() => {}), Math.max(250, (seconds * 1000) / 2000))
  try {
    const { handoffs, failures } = await peers.first('end', { signal: stage.signal, patienceMs: (seconds + 300) * 1000 })
    return { samples, handoffs: Number(handoffs), failures: Number(failures) }
  } finally {
    clearInterval(looking)
  }
}

async function diskOf(folder: string): Promise<number> {
  const { stdout } = await promisify(execFile)('du', ['-s', '--block-size=1', folder]).catch(({ stdout }: { stdout: string }) => ({
    stdout,
  }))
  return Number.parseInt(stdout, 10) || 0
}

/** Of the samples in a stretch that begins at a share of the time. */
function medians(samples: readonly Sample[], from: number): Omit<Sample, 'atS'> {
  const lastS = samples.at(-1)?.atS ?? 0
  const part = samples.filter(({ atS }) => atS >= from * lastS && atS <= (from + stretch) * lastS)
  const median = (of: (sample: Sample) => number) => part.map(of).sort((a, b) => a - b)[part.length >> 1] ?? 0
  return {
    rssBytes: median(({ rssBytes }) => rssBytes),
    descriptors: median((each) => each.descriptors),
    diskBytes: median((each) => each.diskBytes),
  }
}

function table(parts: Readonly<Record<string, Omit<Sample, 'atS'>>>, handoffs: number): string {
  const rows = Object.entries(parts).map(([name, { rssBytes, descriptors, diskBytes }]) => [
    name,
    `${(rssBytes / 1e6).toFixed(0)} MB`,
    String(descriptors),
    `${(diskBytes / 1e6).toFixed(1)} MB`,
  ])
  return `${renderTable(['when', "relay's memory", 'descriptors', 'disk'], rows)}\n  ${handoffs} handoffs`
}

process.exitCode = await main()
