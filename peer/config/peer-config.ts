// A peer's configuration without a file, for programs that embed a peer.

import process from 'node:process'
import type { z } from 'zod'
import type { Environment } from './directories.ts'
import { readConfig } from './load-config.ts'
import type { configSchema, PeerConfig } from './schema.ts'

/** The keys of the configuration file, spelled as there. Only `relays`, `key` and `sources` are required. */
export type PeerSettings = z.input<typeof configSchema>

/**
 * Checks settings, fills in the defaults and freezes the answer. Relative paths count from the working directory.
 * Throws ConfigError with every mistake (code `config`).
 */
export function peerConfig(settings: PeerSettings, env: Environment = process.env): PeerConfig {
  return readConfig('', 'settings', env, settings)
}
