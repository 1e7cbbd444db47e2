// `npm run load`: many peers and many handoffs at once on one relay process. How much memory it takes, and whether all get their turn.

import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { onInterrupt } from '../src/cli/entry.ts'
import { readKeyFile } from '../src/cli/secret-file.ts'
import { delay, systemClock } from '../src/clock.ts'
import { circumstances } from './bench/machine.ts'
import { mebibyte } from './bench/memory-state.ts'
import { Stage } from './bench/stage.ts'
import type { Child } from './demo/child.ts'
import { renderTable } from './demo/table.ts'
import type { LoadEnd } from './load/end-main.ts'
import { ProcessWatch } from './load/process-watch.ts'
import { storm, stormTable } from './load/storm.ts'

const usage = `npm run load -- [--peers N] [--handoffs N] [--mebibytes N] [--processes N] [--flood] [--storm N] [--folder DIR] [--json]

One relay, and peers that all want something of it at the same time: they enrol, some hand off to its store, as many others fetch it.
  --peers N       enrolled at once (1000)
  --handoffs N    at once (200)
  --mebibytes N   of state each (8)
  --processes N   in which the peers live (4)
  --flood         and evil peers on top, which do what they can all the time
  --storm N       instead: N predecessors, each a process, hand off at once within a few seconds; their receipts say what is safe
  --deadline N    of a storm: how many seconds each has (5), for
  --metadata N    so many MiB of metadata (4), and --mebibytes of data (8; a storm: 256)
  --folder DIR    for the relay's store, on a real disk
  --json          the result as a line of JSON`

/** What must hold. */
const rssBytesMax = 300e6
const shareMin = 0.5

/** The evil peers' own: in the pool of the others they would be chosen as heirs and predecessors, and what others move couldn't be told from it. */
const floodPool = 'flood'

interface Phase {
  readonly name: string
  readonly seconds: number
  readonly peakRssBytes: number
  /** Of the handoff that had least at the cut, against the mean; undefined where nothing is moved. */
  readonly leastShare?: number
  readonly outcomes?: Readonly<Record<string, number>>
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      peers: { type: 'string', default: '1000' },
      handoffs: { type: 'string', default: '200' },
      mebibytes: { type: 'string' },
      processes: { type: 'string', default: '4' },
      storm: { type: 'string' },
      deadline: { type: 'string', default: '5' },
      metadata: { type: 'string', default: '4' },
      flood: { type: 'boolean', default: false },
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
  if (values.storm !== undefined) {
    await using stage = await Stage.open(values.folder, interrupt.signal)
    const found = await storm(stage, {
      predecessors: Number(values.storm),
      deadlineMs: Number(values.deadline) * 1000,
      metadataMebibytes: Number(values.metadata),
      mebibytes: Number(values.mebibytes ?? '256'),
    })
    return await report(values.json, { ...found }, () => stormTable(found))
  }
  const phases = await measure({
    peers: Number(values.peers),
    handoffs: Number(values.handoffs),
    mebibytes: Number(values.mebibytes ?? '8'),
    processes: Number(values.processes),
    hasFlood: values.flood,
    folder: values.folder,
    signal: interrupt.signal,
  })
  const missed = phases.flatMap(({ name, peakRssBytes, leastShare = 1 }) => [
    ...(peakRssBytes > rssBytesMax ? [`${name}: ${megabytes(peakRssBytes)} of memory`] : []),
    ...(leastShare < shareMin ? [`${name}: one got ${leastShare.toFixed(2)} of the mean`] : []),
  ])
  return await report(values.json, { peers: Number(values.peers), phases, missed }, () => table(phases))
}

async function report(
  asJson: boolean,
  found: Readonly<Record<string, unknown>> & { readonly missed: readonly string[] },
  text: () => string,
): Promise<number> {
  if (asJson) console.log(JSON.stringify({ ...(await circumstances(resolve(import.meta.dirname, '..'))), ...found }))
  else console.log(text())
  for (const what of found.missed) console.error(`missed: ${what}`)
  return found.missed.length === 0 ? 0 : 1
}

interface LoadPlan {
  readonly peers: number
  readonly handoffs: number
  readonly mebibytes: number
  readonly processes: number
  readonly hasFlood: boolean
  readonly folder: string
  readonly signal: AbortSignal
}

async function measure({ peers, handoffs, mebibytes, processes, hasFlood, folder, signal }: LoadPlan): Promise<Phase[]> {
  await using stage = await Stage.open(folder, signal, {}, ['bench', floodPool])
  const share = (all: number) => Math.ceil(all / processes)
  const common = { relay: stage.relay.address, keyFile: stage.keyFile, mebibytes, folder: stage.folder }
  const phases: Phase[] = []
  const phase = async (name: string, work: () => Promise<Partial<Phase> | void>) => {
    using watch = new ProcessWatch(stage.relay.child.pid!)
    const startMs = performance.now()
    const more = await work()
    phases.push({ name, seconds: (performance.now() - startMs) / 1000, peakRssBytes: watch.peak.rssBytes, ...more })
    console.error(`${name}: ${phases.at(-1)!.seconds.toFixed(1)} s`)
  }
  const ends: Child[] = []
  await phase(`${peers} peers enrol`, async () => {
    for (let index = 0; index < processes; index++) {
      const end: LoadEnd = { ...common, peers: share(peers), handoffs: share(handoffs) }
      ends.push(stage.program(`peers ${index}`, ['scripts/load/end.js', JSON.stringify(end)]))
    }
    await Promise.all(ends.map((end) => stage.line(end, 'enrolled')))
  })
  if (hasFlood) {
    const terms = { relay: common.relay, keyFile: stage.keyFileOf(floodPool) }
    const flood = stage.program('flood', ['scripts/load/flood-main.ts', JSON.stringify(terms)])
    await stage.line(flood, 'flooding')
  }
  const total = share(handoffs) * processes * mebibytes * mebibyte
  await phase(`${handoffs} handoffs to the store`, () => move(stage, ends, 'sent', total))
  await phase(`${handoffs} handoffs from the store`, () => move(stage, ends, 'taken', total))
  return phases
}

/** What each handoff has in the store, as soon as all together have half of it. */
async function storedShare({ relay, signal, keyFile }: Stage, total: number, over: AbortSignal): Promise<number | undefined> {
  const { pool } = await readKeyFile(keyFile)
  while (!over.aborted) {
    const answer = await fetch(`${relay.http}/v1/status`, { signal })
    const { handoffs } = (await answer.json()) as { handoffs: { pool: string; bytes: number }[] }
    const stored = handoffs.filter((each) => pool.idHex.startsWith(each.pool)).map(({ bytes }) => bytes)
    const sum = stored.reduce((bytes, each) => bytes + each, 0)
    if (sum >= total / 2) return (Math.min(...stored) / sum) * stored.length
    await delay(systemClock, 20, signal)
  }
  return undefined
}

/** Tells all ends to go, and looks at what each handoff has when half of all is moved. */
async function move(stage: Stage, ends: readonly Child[], event: string, total: number): Promise<Partial<Phase>> {
  const latest = new Map<Child, readonly number[]>()
  let leastShare: number | undefined
  using listening = new DisposableStack()
  for (const end of ends) {
    listening.use(
      end.listen((line) => {
        if (line.event !== 'moved') return
        latest.set(end, line['bytes'] as number[])
        const all = [...latest.values()].flat()
        const sum = all.reduce((bytes, each) => bytes + each, 0)
        if (latest.size === ends.length && sum >= total / 2) leastShare ??= (Math.min(...all) / sum) * all.length
      }),
    )
  }
  for (const end of ends) end.tell('SIGUSR2')
  const over = new AbortController()
  const stored = event === 'sent' ? storedShare(stage, total, over.signal) : undefined
  const lines = await Promise.all(ends.map((end) => stage.line(end, event)))
  over.abort()
  // What the relay has on its disk is what it has acknowledged.
  if (stored !== undefined) leastShare = await stored
  const outcomes: Record<string, number> = {}
  for (const line of lines) {
    for (const [outcome, count] of Object.entries(line['outcomes'] as Record<string, number>))
      outcomes[outcome] = (outcomes[outcome] ?? 0) + count
  }
  return { outcomes, ...(leastShare !== undefined && { leastShare }) }
}

function table(phases: readonly Phase[]): string {
  const rows = phases.map(({ name, seconds, peakRssBytes, leastShare, outcomes = {} }) => [
    name,
    `${seconds.toFixed(1)} s`,
    megabytes(peakRssBytes),
    leastShare === undefined ? '' : leastShare.toFixed(2),
    Object.entries(outcomes)
      .map(([outcome, count]) => `${count} ${outcome}`)
      .join(', '),
  ])
  return renderTable(['what', 'time', "relay's memory at most", 'least share of the mean', 'outcomes'], rows)
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}

process.exitCode = await main()
