// `heirloom simulate`: how much of what comes after a notice each order would have served, on a recorded trace.

import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { performance } from 'node:perf_hooks'
import { onInterrupt } from '../../src/cli/entry.ts'
import {
  countFlag,
  durationFlag,
  rateFlag,
  requireFlags,
  shareFlag,
  sharesFlag,
  sizeFlag,
  textFlag,
  wordsFlag,
} from '../../src/cli/flag.ts'
import { table, type Output } from '../../src/cli/output.ts'
import type { CommandDefinition } from '../../src/cli/program.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { KiB } from '../../src/limits/size.ts'
import { packBytesMax } from '../../src/limits/wire.ts'
import { formatSize, humanDuration, humanSize, type Bytes, type BytesPerSecond, type Ms } from '../../src/units.ts'
import { curvesSvg } from '../simulate/curve-svg.ts'
import { orderNames } from '../simulate/orders.ts'
import { simulate, type Simulation, type SimulationOptions } from '../simulate/simulation.ts'
import { readTrace } from '../simulate/trace-file.ts'

export const simulateCommand: CommandDefinition = {
  name: 'simulate',
  description: 'replay a recorded trace up to a notice, and compare the orders by the reads that follow',
  example: 'heirloom simulate --trace pages.lis.zst --history 0.6 --budget 0.05,0.1,0.25,0.5',
  options: [
    textFlag('--trace <file>', 'a .lis or .csv trace, plain or with .zst'),
    wordsFlag('--order <orders...>', 'orders to compare (default: all)', orderNames),
    shareFlag('--history <share>', 'share of the trace before the notice', '0.6'),
    shareFlag('--capacity <share>', "share of the history's pages that is cached, the most recently used", '0.25'),
    shareFlag('--horizon <share>', 'share of the trace after the notice that counts', '0.1'),
    sharesFlag('--budget <shares...>', 'shares of the cached pages that are delivered', '0.05,0.1,0.25,0.5'),
    countFlag('--seed <number>', 'for the random order (default: 1)'),
    textFlag('--svg <file>', 'draw the curves of all orders into this file'),
    durationFlag('--deadline <duration>', 'run the handoff, too, in virtual time: how long after the notice it ends (default: 30s)'),
    rateFlag('--rate <rate>', 'what each lane of this handoff carries (default: 100MB/s)'),
    durationFlag('--successor-after <duration>', 'when the successor of this handoff is up, after the notice (default: 0s)'),
    sizeFlag('--page-size <size>', 'what a page of this handoff has (default: 4KiB)'),
  ],
  async run({ flags, command, output }) {
    requireFlags(command, 'trace')
    const options: SimulationOptions = {
      orders: [...new Set<SimulationOptions['orders'][number]>(flags['order'] ?? orderNames)],
      history: flags['history'],
      capacity: flags['capacity'],
      horizon: flags['horizon'],
      budgets: [...new Set<number>(flags['budget'])],
      seed: flags['seed'] ?? 1,
      ...handoffTerms(flags),
    }
    // What is left over by a sum of decimal shares is no share of anything.
    if (options.history + options.horizon > 1 + 1e-9)
      throw new HeirloomError('usage', '--history and --horizon together are more than the whole trace', {
        hint: 'such as --history 0.6 --horizon 0.1',
      })
    using interrupt = onInterrupt()
    const trace: string = flags['trace']
    const startMs = performance.now()
    const { curves, ...found } = simulate(await readTrace(trace, interrupt.signal), options)
    const elapsedMs = Math.round(performance.now() - startMs)
    if (flags['svg'] !== undefined) await draw(flags['svg'], `Hit mass after a notice: ${basename(trace)}`, curves, output)
    output.result({ trace, ...found, elapsedMs }, simulationText(found, elapsedMs))
    return 0
  },
}

interface HandoffFlags {
  readonly deadline?: Ms
  readonly rate?: BytesPerSecond
  readonly successorAfter?: Ms
  readonly pageSize?: Bytes
}

/** Any of the handoff's flags asks for one. */
function handoffTerms({ deadline, rate, successorAfter, pageSize }: HandoffFlags): Pick<SimulationOptions, 'handoff'> {
  if ([deadline, rate, successorAfter, pageSize].every((value) => value === undefined)) return {}
  if (deadline === 0 || rate === 0 || pageSize === 0)
    throw new HeirloomError('usage', '--deadline, --rate and --page-size must be more than nothing')
  const terms = {
    deadlineMs: deadline ?? 30_000,
    bytesPerSecond: rate ?? 100e6,
    successorAfterMs: successorAfter ?? 0,
    pageBytes: pageSize ?? 4 * KiB,
  }
  if (terms.pageBytes > packBytesMax)
    throw new HeirloomError(
      'usage',
      `--page-size ${formatSize(terms.pageBytes)} is more than a pack holds, which is ${formatSize(packBytesMax)}`,
    )
  return { handoff: terms }
}

async function draw(file: string, title: string, curves: Simulation['curves'], output: Output): Promise<void> {
  await writeFile(file, curvesSvg(title, curves)).catch((thrown: unknown) => {
    throw asHeirloomError(thrown, 'io')
  })
  output.log('info', `the curves are in ${file}`)
}

function simulationText(
  { references, cachedPages, horizonHits, hitMass, ofOracle, handoff }: Omit<Simulation, 'curves'>,
  elapsedMs: number,
): string {
  const [first = {}] = Object.values(hitMass)
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`
  const head = ['order', ...Object.keys(first).map((budget) => `at ${percent(Number(budget))}`), 'of oracle']
  const rows = Object.entries(hitMass).map(([name, masses]) => {
    const shares = Object.values(ofOracle[name]!)
    return [name, ...Object.values(masses).map(percent), percent(shares.reduce((all, share) => all + share, 0) / shares.length)]
  })
  return [
    table([head, ...rows]),
    '',
    `hit mass: the share of ${horizonHits} references to cached pages after the notice that the delivered share of ${cachedPages} pages serves`,
    `of oracle: against the best possible order, the mean over the budgets; ${references} references in ${elapsedMs} ms`,
    ...(handoff === undefined ? [] : ['', handoffText(handoff)]),
  ].join('\n')
}

function handoffText(handoff: NonNullable<Simulation['handoff']>): string {
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`
  const [first] = Object.values(handoff)
  const shares = Object.keys(first?.warmAfterMs ?? {})
  const rows = Object.entries(handoff).map(([name, { hitMass, lanes, warmAfterMs }]) => [
    name,
    percent(hitMass.delivered),
    percent(hitMass.bound),
    humanSize(lanes.fast.bytes),
    humanSize(lanes.store.bytes),
    ...Object.values(warmAfterMs).map((ms) => (ms === null ? 'never' : humanDuration(ms))),
  ])
  const head = ['handoff', 'hit mass', 'at most', 'by fast', 'by store', ...shares.map((share) => `${100 * Number(share)} % after`)]
  return [table([head, ...rows]), '', 'after: when the successor has the pages for this share of the references, from the notice on'].join(
    '\n',
  )
}
