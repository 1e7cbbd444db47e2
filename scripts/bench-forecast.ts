// `npm run bench:forecast -- --traces DIR`: how good the forecast is on every trace of a folder, at several cuts, and how fast.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { onInterrupt, runAsProcess } from '../src/cli/entry.ts'
import type { Terminal } from '../src/cli/output.ts'
import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { AccessRecorder } from '../src/plan/access-recorder.ts'
import { simulate } from '../peer/simulate/simulation.ts'
import { Trace } from '../peer/simulate/trace.ts'
import { readTrace } from '../peer/simulate/trace-file.ts'
import { replayOfOracle } from '../test/helpers/replay-reference.ts'
import { renderTable } from './demo/table.ts'

const usage = `npm run bench:forecast -- --traces DIR [--histories 0.5,0.6,0.7,0.8] [--derived] [--json]

Replays every .lis and .csv trace of a folder (plain or with .zst) up to several notices. Prints each order's mean share of the
oracle's hits over budgets of 5, 10, 25 and 50 %, and the cells in which the forecast is more than 0.02 under the better of lru and lfu.
--derived replays each trace's quarters, a sixteenth of its pages and its reversal, too, and compares with the replay of similar moments alone.`

const budgets = [0.05, 0.1, 0.25, 0.5]
const compared = ['forecast', 'lru', 'lfu'] as const
const sides = [...compared, 'replay'] as const
const tolerance = 0.02

/** Replay is there with `--derived` only. */
type Means = Readonly<Record<(typeof compared)[number], number>> & { readonly replay?: number }

interface Cut extends Means {
  readonly trace: string
  readonly history: number
  readonly references: number
  /** Of reading and replaying, with all three orders. */
  readonly elapsedMs: number
  /** By budget: how far the forecast is over the better of lru and lfu. */
  readonly over: readonly number[]
}

interface Workload {
  readonly name: string
  readonly trace: () => Promise<Trace>
}

/** The trace of a file and, when `derived`, what can be made of it: other workloads than it is, though not of another world. */
function workloadsOf(folder: string, file: string, derived: boolean, signal: AbortSignal): Workload[] {
  const whole = () => readTrace(join(folder, file), signal)
  const made = (name: string, make: (pages: Uint32Array) => Uint32Array) => ({
    name: `${file} ${name}`,
    trace: async () => {
      const trace = new Trace()
      for (const page of make(pagesOf(await whole()))) trace.addNumber(page)
      return trace
    },
  })
  if (!derived) return [{ name: file, trace: whole }]
  return [
    { name: file, trace: whole },
    ...[0, 1, 2, 3].map((quarter) =>
      made(`quarter ${quarter + 1}`, (pages) => pages.subarray((pages.length * quarter) / 4, (pages.length * (quarter + 1)) / 4)),
    ),
    made('1/16 of its pages', (pages) => pages.filter((page) => Math.imul(page >>> 4, 0x9e3779b1) >>> 28 === 0)),
    made('reversed', (pages) => pages.toReversed()),
  ]
}

function pagesOf(trace: Trace): Uint32Array {
  const pages = new Uint32Array(trace.length)
  let at = 0
  for (const stretch of trace.stretches(0, trace.length)) {
    pages.set(stretch, at)
    at += stretch.length
  }
  return pages
}

async function measure({ name, trace: read }: Workload, history: number, derived: boolean): Promise<Cut> {
  const startMs = performance.now()
  const trace = await read()
  const shares = { history, capacity: 0.25, horizon: 0.1, budgets }
  const { ofOracle, references } = simulate(trace, { orders: compared, ...shares, seed: 1 })
  const elapsedMs = Math.round(performance.now() - startMs)
  const at = (order: string, budget: number) => ofOracle[order]![String(budget)]!
  const over = budgets.map((budget) => at('forecast', budget) - Math.max(at('lru', budget), at('lfu', budget)))
  const [forecast, lru, lfu] = compared.map((order) => mean(budgets.map((budget) => at(order, budget)))) as [number, number, number]
  const replay = derived ? { replay: mean(replayOfOracle(pagesOf(trace), shares)) } : {}
  return { trace: name, history, references, elapsedMs, over, forecast, lru, lfu, ...replay }
}

/** Nanoseconds of processor time for an access by a text key, half of them to a thousandth of the keys. */
function accessNs(record: (key: string) => void): number {
  const keys = Array.from({ length: 200_000 }, (_, item) => `product:${item}`)
  const accesses = 4_000_000
  let state = 1
  const start = process.cpuUsage()
  for (let access = 0; access < accesses; access++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    record(keys[(state >>> 8) % (state & 128 ? keys.length : 200)]!)
  }
  const { user, system } = process.cpuUsage(start)
  return Math.round(((user + system) / accesses) * 1000)
}

/** A recorder, and a bare map in the same run: finding the key is what costs most, and the machine's other work changes both. */
function recordNs(): { readonly recorder: number; readonly map: number } {
  const map = new Map<string, number>()
  const recorder = new AccessRecorder()
  return { map: accessNs((key) => map.get(key) ?? map.set(key, map.size)), recorder: accessNs((key) => recorder.record(key)) }
}

async function bench(args: string[], { stdout, stderr }: Terminal): Promise<number> {
  using interrupt = onInterrupt()
  try {
    const { traces: folder, histories, derived, json, help } = options(args)
    if (help) stdout.write(`${usage}\n`)
    if (help) return 0
    const files = (await readdir(folder)).filter((name) => /\.(lis|csv)(\.zst)?$/.test(name)).sort()
    if (files.length === 0) throw new HeirloomError('usage', `${folder} has no traces`)
    const cuts: Cut[] = []
    for (const workload of files.flatMap((file) => workloadsOf(folder, file, derived, interrupt.signal))) {
      for (const history of histories) {
        stderr.write(`${workload.name} at ${history}\n`)
        cuts.push(await measure(workload, history, derived))
      }
    }
    const ns = recordNs()
    if (json) stdout.write(`${JSON.stringify({ event: 'result', node: process.versions.node, cuts, recordNs: ns })}\n`)
    else stdout.write(`${report(cuts)}\n\n  an access recorded in ${ns.recorder} ns, of which a bare map takes ${ns.map}\n`)
    return 0
  } catch (thrown) {
    const { message, exitCode } = asHeirloomError(thrown)
    stderr.write(`${message}\n`)
    return exitCode
  }
}

function options(args: string[]): { traces: string; histories: number[]; derived: boolean; json: boolean; help: boolean } {
  const known = {
    traces: { type: 'string' },
    histories: { type: 'string', default: '0.5,0.6,0.7,0.8' },
    derived: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const
  try {
    const { values } = parseArgs({ args, options: known })
    const histories = values.histories.split(',').map(Number)
    if ((values.traces === undefined && !values.help) || !histories.every((share) => share > 0 && share < 1)) throw new Error('--traces')
    return { traces: values.traces ?? '', histories, derived: values.derived, json: values.json, help: values.help }
  } catch (thrown) {
    throw new HeirloomError('usage', usage, { cause: thrown })
  }
}

function report(cuts: readonly Cut[]): string {
  const row = (name: string, history: string, means: Means, over: readonly number[], speed: string) => [
    name,
    history,
    ...sides.map((side) => means[side]?.toFixed(3) ?? ''),
    `${over.filter((value) => value < -tolerance).length} of ${over.length}`,
    Math.min(...over).toFixed(3),
    speed,
  ]
  const all = (of: readonly Cut[], name: string, history: string) => {
    const [forecast, lru, lfu] = compared.map((order) => mean(of.map((cut) => cut[order]))) as [number, number, number]
    const replays = of.flatMap((cut) => cut.replay ?? [])
    const means = { forecast, lru, lfu, ...(replays.length > 0 && { replay: mean(replays) }) }
    return row(
      name,
      history,
      means,
      of.flatMap((cut) => cut.over),
      '',
    )
  }
  const histories = [...new Set(cuts.map((cut) => cut.history))]
  const rows = [
    ...cuts.map((cut) => row(cut.trace, String(cut.history), cut, cut.over, (cut.references / cut.elapsedMs / 1000).toFixed(2))),
    ...histories.map((history) =>
      all(
        cuts.filter((cut) => cut.history === history),
        'all',
        String(history),
      ),
    ),
    all(cuts, 'all', 'all'),
  ]
  return renderTable(['trace', 'history', ...sides, 'bad cells', 'worst', 'M refs/s'], rows)
}

function mean(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0) / values.length
}

await runAsProcess((args, terminal) => bench([...args], terminal))
