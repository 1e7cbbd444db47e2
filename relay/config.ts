// The relay's configuration: a YAML file, and over it the environment and the flags.

import { dirname, resolve } from 'node:path'
import * as z from 'zod'
import { parseConfig, readConfigFile } from '../src/config/config-file.ts'
import { duration, hostPort, listenAddress, path, size, strict } from '../src/config/values.ts'
import { HeirloomError } from '../src/errors.ts'
import { leaseMs } from '../src/limits/link.ts'
import { keepMsMax, poolsMax } from '../src/limits/relay.ts'
import { addressesMax } from '../src/limits/wire.ts'
import { formatDuration, type Bytes, type Ms } from '../src/units.ts'

const quota = strict({
  peer: size().optional().describe('Sealed bytes that the handoffs of one peer may take up. Without it: no bound.'),
  pool: size().optional().describe('The same for one pool.'),
  total: size().optional().describe('The same for all. Without it: until the disk is full.'),
})

/** What is written in the file. */
const relayConfigSchema = strict({
  store: path().describe("Directory for packs, records and the relay's own key."),
  listen: z
    .array(listenAddress())
    .min(1)
    .max(addressesMax)
    .default(['/ip4/127.0.0.1/tcp/0'])
    .describe('Where peers reach the relay; port 0 takes a free one.'),
  data_port: z
    .union([z.literal('off'), z.int().min(0).max(65_535)], { error: 'expected a port, 0 for any free one, or off' })
    .default(0)
    .describe('Where packs come and go by plain TCP, faster than by libp2p, on the host of the first address; 0 takes a free one.'),
  http: hostPort().default('127.0.0.1:0').describe('Health, metrics and the status page.'),
  pools: z.array(path()).max(poolsMax).default([]).describe('Public halves of pool keys: the .pub files of `heirloom keygen`.'),
  quota: quota.prefault({}),
  keep_max: duration({ min: 1000, max: keepMsMax })
    .prefault(formatDuration(keepMsMax))
    .describe('The longest that a handoff is kept which nobody claims.'),
  lease: duration({ min: 1000, max: 3_600_000 })
    .prefault(formatDuration(leaseMs))
    .describe('A peer that was silent for this long is gone.'),
}).describe('The configuration of a Heirloom relay.')

/** Frozen; all paths absolute, all defaults filled in. */
export interface RelayConfig {
  readonly store: string
  readonly listen: readonly string[]
  readonly dataPort: number | 'off'
  readonly http: string
  readonly pools: readonly string[]
  /** Undefined: no bound. */
  readonly quota: { readonly peer: Bytes | undefined; readonly pool: Bytes | undefined; readonly total: Bytes | undefined }
  readonly keepMaxMs: Ms
  readonly leaseMs: Ms
}

/** Top-level keys, as the file spells them, from flags, the environment or a program. Undefined ones count as not given. */
export type RelaySettings = {
  readonly [Key in keyof z.input<typeof relayConfigSchema>]?: z.input<typeof relayConfigSchema>[Key] | undefined
}

/**
 * Loads and checks a relay's configuration; without a file, from the overrides and the defaults alone.
 * Throws ConfigError with every mistake (code `config`, exit 78), or `usage` when there is neither a file nor a store.
 */
export async function loadRelayConfig(file: string | undefined, overrides: RelaySettings = {}): Promise<RelayConfig> {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined))
  if (file === undefined && given['store'] === undefined) {
    throw new HeirloomError('usage', '--store is missing', { hint: 'give --store DIR, or a file that names it with --config FILE' })
  }
  const text = file === undefined ? '' : await readConfigFile(file)
  const checked = parseConfig(text, file ?? 'flags', relayConfigSchema, given)
  const folder = file === undefined ? '.' : dirname(resolve(file))
  // Paths in flags count from the working directory, those in the file from the file.
  const absolute = (key: 'store' | 'pools', name: string) => (given[key] === undefined ? resolve(folder, name) : resolve(name))
  return Object.freeze({
    store: absolute('store', checked.store),
    listen: checked.listen,
    dataPort: checked.data_port,
    http: checked.http,
    pools: checked.pools.map((name) => absolute('pools', name)),
    quota: { peer: checked.quota.peer, pool: checked.quota.pool, total: checked.quota.total },
    keepMaxMs: checked.keep_max,
    leaseMs: checked.lease,
  })
}
