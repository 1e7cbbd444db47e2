// The demo's command line.

import { Command, InvalidArgumentError, Option } from 'commander'
import { asHeirloomError } from '../../src/errors.ts'
import { parseSize } from '../../src/units.ts'

export interface DemoOptions {
  /** Undefined: this checkout's node_modules. */
  readonly directory: string | undefined
  readonly directoryBytesMax: number
  readonly loadMs: number
  readonly servedMs: number
  readonly seed: number
  readonly json: boolean
  readonly keep: boolean
}

/** Reads the arguments. Throws commander's error for wrong ones, and also after `--help`. */
export function parseDemoOptions(args: readonly string[], write: (text: string) => void): DemoOptions {
  const command = new Command('npm start --')
    .description("Hands one shop's memory and a real directory to a successor: first to one that is up, then to one that comes later.")
    .option('--directory <dir>', 'a directory of yours to hand over (default: node_modules)')
    .addOption(
      new Option('--max-directory <size>', 'take only a part of a larger directory').argParser(reader(parseSize)).default(600e6, '600MB'),
    )
    .addOption(new Option('--seconds <n>', 'how long users shop before the notice').argParser(reader(positive)).default(6))
    .addOption(new Option('--serve <n>', 'how long they shop at heir and cold shop, in seconds').argParser(reader(positive)).default(5))
    .addOption(new Option('--seed <n>', 'the seed of the load').argParser(reader(whole)).default(1))
    .option('--json', 'print the result as the last line of stdout, in JSON', false)
    .option('--keep', 'keep the temporary folder', false)
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: write })
    .parse(args, { from: 'user' })
  const { directory, maxDirectory, seconds, serve, seed, json, keep } = command.opts()
  return { directory, directoryBytesMax: maxDirectory, loadMs: seconds * 1000, servedMs: serve * 1000, seed, json, keep }
}

function reader(read: (text: string) => number): (text: string) => number {
  return (text) => {
    try {
      return read(text)
    } catch (thrown) {
      throw new InvalidArgumentError(asHeirloomError(thrown).message)
    }
  }
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 600)) throw new InvalidArgumentError('expected a number of seconds up to 600')
  return value
}

function whole(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('expected a whole number')
  return value
}
