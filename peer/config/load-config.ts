// From the name of a configuration file to a PeerConfig: reads, checks, fills in what depends on the machine, freezes.

import { dirname, join, resolve } from 'node:path'
import type { SourceEntry } from '../../src/plan/manifest.ts'
import type { z } from 'zod'
import { parseConfig, readConfigFile } from '../../src/config/config-file.ts'
import { defaultSocket, defaultState, type Environment } from './directories.ts'
import { configSchema, type PeerConfig } from './schema.ts'

/** Top-level keys, as the file spells them, that flags or the environment give. Relative paths in them count from the working directory. */
export type ConfigOverrides = Readonly<Partial<z.input<typeof configSchema>>>

/**
 * Loads and checks a peer's configuration. `overrides` stand over the file.
 * Throws ConfigError with every mistake (code `config`, exit 78).
 */
export async function loadConfig(file: string, env: Environment, overrides: ConfigOverrides = {}): Promise<PeerConfig> {
  return readConfig(await readConfigFile(file), file, env, overrides)
}

/** As loadConfig, from text; `file` says where relative paths count from and stands in the messages. */
export function readConfig(text: string, file: string, env: Environment, overrides: ConfigOverrides = {}): PeerConfig {
  const checked = parseConfig(text, file, configSchema, overrides)
  const folder = dirname(resolve(file))
  const absolute = (key: keyof ConfigOverrides, path: string) => (overrides[key] === undefined ? resolve(folder, path) : resolve(path))

  const state = checked.state === undefined ? resolve(defaultState(env)) : absolute('state', checked.state)
  return deepFreeze({
    pool: checked.pool,
    relays: checked.relays,
    key: absolute('key', checked.key),
    listen: checked.listen,
    dataPort: checked.data_port,
    socket: checked.socket === undefined ? resolve(defaultSocket(env, state)) : absolute('socket', checked.socket),
    http: checked.http,
    state,
    identity: checked.identity === undefined ? join(state, 'identity.key') : absolute('identity', checked.identity),
    notices: checked.notices.map((notice) => (notice.kind === 'file' ? { ...notice, path: resolve(folder, notice.path) } : notice)),
    awaitMs: checked.await,
    sources: checked.sources.map((source) => absoluteSource(source, folder)),
    policy: checked.policy,
  })
}

function deepFreeze<Value extends object>(value: Value): Value {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner as object)
  return Object.freeze(value)
}

/** Files that a source names count from the configuration file; a program without a slash is looked for in PATH. */
function absoluteSource(source: SourceEntry, folder: string): SourceEntry {
  if (source.kind === 'directory' || source.kind === 'pagecache') return { ...source, path: resolve(folder, source.path) }
  if (source.kind === 'app' && source.tokenFile !== undefined) return { ...source, tokenFile: resolve(folder, source.tokenFile) }
  if (source.kind === 'redis') {
    const absolute = (path: string | undefined) => (path === undefined ? undefined : resolve(folder, path))
    return { ...source, passwordFile: absolute(source.passwordFile), caFile: absolute(source.caFile) }
  }
  if (source.kind !== 'command') return source
  const program = ([file = '', ...args]: readonly string[]) => [file.includes('/') ? resolve(folder, file) : file, ...args]
  return { ...source, dump: program(source.dump), load: program(source.load) }
}
