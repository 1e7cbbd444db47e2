// `npm run bench`: what Heirloom reaches on this machine, by real processes, against what it should reach.
//
// Invariant: however it ends, its processes are gone and so are its folders.

import { resolve } from 'node:path'
import { CommanderError } from 'commander'
import { onInterrupt, runAsProcess } from '../src/cli/entry.ts'
import type { Terminal } from '../src/cli/output.ts'
import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { measureCopies } from './bench/copies.ts'
import { measureDelay } from './bench/delay.ts'
import { measureDemand } from './bench/demand.ts'
import { measureFiles } from './bench/files.ts'
import { measureLatency } from './bench/latency.ts'
import { circumstances } from './bench/machine.ts'
import { measureMemory } from './bench/memory.ts'
import { measureNotice } from './bench/notice.ts'
import { type Part, parseBenchOptions } from './bench/options.ts'
import { measurePreship } from './bench/preship.ts'
import { measurePlanner } from './bench/planner.ts'
import type { Plan } from './bench/plan.ts'
import { measureMemcached } from './bench/memcached.ts'
import { measureRates } from './bench/rates.ts'
import { installedPrograms, installPrograms } from './bench/programs.ts'
import { measureRedis } from './bench/redis.ts'
import type { Row, Target } from './bench/series.ts'
import { measureShaped } from './bench/shaped.ts'
import { renderTable } from './demo/table.ts'

const root = resolve(import.meta.dirname, '..')

const measures: Readonly<Record<Part, (plan: Plan) => Promise<Row[]>>> = {
  rates: measureRates,
  copies: measureCopies,
  shaped: measureShaped,
  delay: measureDelay,
  latency: measureLatency,
  files: measureFiles,
  memory: measureMemory,
  notice: measureNotice,
  preship: measurePreship,
  planner: measurePlanner,
  demand: measureDemand,
  redis: measureRedis,
  memcached: measureMemcached,
}

async function bench(args: readonly string[], { stdout, stderr }: Terminal): Promise<number> {
  using interrupt = onInterrupt()
  const { signal } = interrupt
  try {
    const options = parseBenchOptions(args, (text) => void stderr.write(text))
    const { sizes, rounds, folder, json, install } = options
    if (install) await installPrograms(signal)
    const plan: Plan = { ...sizes, rounds, folder, signal, note: (text) => void stderr.write(`${text}\n`) }
    const rows: Row[] = []
    for (const part of options.only) rows.push(...(await measures[part](plan)))
    const result = { event: 'result', ...(await circumstances(root)), programs: await installedPrograms(), sizes, rounds, rows }
    if (json) stdout.write(`${JSON.stringify(result)}\n`)
    else stdout.write(`\n${table(rows)}\n\n  ${result.machine.cores} cores, ${result.machine.model}, Node ${result.node}\n`)
    return 0
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : new HeirloomError('usage', '').exitCode
    const { message, exitCode } = asHeirloomError(thrown)
    stderr.write(`\nThe benchmark failed: ${message}\n`)
    return signal.aborted ? 130 : exitCode
  }
}

function table(rows: readonly Row[]): string {
  const heads = ['', 'unit', 'min', 'median', 'max', 'ratio', 'target', '']
  return renderTable(
    heads,
    rows.map(({ name, unit, min, median, max, ratio, target, reached }) => [
      name,
      unit,
      ...[min, median, max].map(String),
      ratio === undefined ? '' : ratio.toFixed(2),
      target === undefined ? '' : targetText(target),
      reached === undefined ? '' : reached ? 'reached' : 'missed',
    ]),
    60,
  )
}

function targetText({ least, most }: Target): string {
  return least === undefined ? `≤ ${most}` : `≥ ${least}`
}

await runAsProcess(bench)
