// The benchmark's command line.

import { Command, InvalidArgumentError, Option } from 'commander'
import { tmpdir } from 'node:os'
import { fullSizes, quickSizes, type Plan } from './plan.ts'

export const parts = [
  'rates',
  'copies',
  'shaped',
  'delay',
  'latency',
  'files',
  'memory',
  'notice',
  'demand',
  'preship',
  'planner',
  'redis',
  'memcached',
] as const

/** Measured when nothing is chosen. What goes ahead takes minutes, the planner's times are a matter of its own, a shaped link takes root, and the servers' take programs that not everybody has. */
const usualParts: readonly Part[] = ['rates', 'copies', 'delay', 'latency', 'files', 'memory', 'notice', 'demand']

export type Part = (typeof parts)[number]

export interface BenchOptions {
  readonly sizes: Pick<Plan, 'rateMebibytes' | 'demandMebibytes' | 'memoryMebibytes' | 'copyMebibytes' | 'jsonMebibytes' | 'files' | 'keys'>
  readonly rounds: number
  readonly only: readonly Part[]
  readonly folder: string
  readonly json: boolean
  readonly install: boolean
}

/** Reads the arguments. Throws commander's error for wrong ones, and also after `--help`. */
export function parseBenchOptions(args: readonly string[], write: (text: string) => void): BenchOptions {
  const command = new Command('npm run bench --')
    .description('Measures handoffs between real processes on this machine: rates, latency, small files, memory, notices, servers.')
    .option('--quick', 'less of everything: a first look, not a figure to quote', false)
    .addOption(
      new Option('--only <parts>', `some of ${parts.join(',')}`)
        .argParser(partsOf)
        .default([...usualParts], `all but preship, planner, shaped, redis and memcached`),
    )
    .addOption(new Option('--rounds <n>', 'measurements of each kind').argParser(wholeNumber).default(5))
    .option('--folder <dir>', "for the relay's store and the directories, on a real disk", tmpdir())
    .option('--install', 'first install the programs that Heirloom is measured against (Debian, as root)', false)
    .option('--json', 'print the result as one line of JSON', false)
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: write })
    .parse(args, { from: 'user' })
  const { quick, only, rounds, folder, json, install } = command.opts()
  return { sizes: quick ? quickSizes : fullSizes, only, rounds, folder, json, install }
}

function partsOf(text: string): Part[] {
  return text.split(',').map((name) => {
    const part = parts.find((known) => known === name)
    if (part === undefined) throw new InvalidArgumentError(`there are ${parts.join(', ')}`)
    return part
  })
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1')
  return value
}
