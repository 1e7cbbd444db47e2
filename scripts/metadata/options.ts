// The command line of the metadata service.

import { Command, InvalidArgumentError, Option } from 'commander'
import { endpoints, type FakeCloudKind } from '../../test/cloud/endpoints.ts'

export interface MetadataOptions {
  readonly cloud: FakeCloudKind
  readonly port: number
  readonly json: boolean
}

/** Reads the arguments. Throws commander's error for wrong ones, and also after `--help`. */
export function parseMetadataOptions(args: readonly string[], write: (text: string) => void): MetadataOptions {
  return new Command('npm run metadata --')
    .description('Plays the metadata service of a cloud on the loopback, and takes commands that raise its notices.')
    .addOption(new Option('--cloud <kind>', 'which one').choices(Object.keys(endpoints)).default('aws'))
    .addOption(new Option('--port <n>', '0 takes a free one').argParser(portOf).default(0))
    .option('--json', 'print lines of JSON', false)
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: write })
    .parse(args, { from: 'user' })
    .opts()
}

function portOf(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError('expected a port')
  return port
}
