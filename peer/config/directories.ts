// Where a peer keeps what outlives it, and where its local API listens, when nobody says so: the directories that systemd
// gives a service, else those of the XDG base directory specification.

import { homedir } from 'node:os'
import { join } from 'node:path'

export type Environment = Readonly<Record<string, string | undefined>>

/** `$STATE_DIRECTORY`, else `$XDG_STATE_HOME/heirloom`, else `~/.local/state/heirloom`. */
export function defaultState(env: Environment): string {
  // systemd separates several directories by colons; the first is the service's main one.
  const given = env['STATE_DIRECTORY']?.split(':')[0]
  if (given !== undefined && given !== '') return given
  return join(absolute(env['XDG_STATE_HOME']) ?? join(env['HOME'] || homedir(), '.local', 'state'), 'heirloom')
}

/** `$RUNTIME_DIRECTORY/peer.sock`, else `$XDG_RUNTIME_DIR/heirloom/peer.sock`, else `peer.sock` in the state directory. */
export function defaultSocket(env: Environment, state: string): string {
  const given = env['RUNTIME_DIRECTORY']?.split(':')[0]
  if (given !== undefined && given !== '') return join(given, 'peer.sock')
  const runtime = absolute(env['XDG_RUNTIME_DIR'])
  return runtime === undefined ? join(state, 'peer.sock') : join(runtime, 'heirloom', 'peer.sock')
}

/** The specification says that relative paths in these variables are to be ignored. */
function absolute(path: string | undefined): string | undefined {
  return path?.startsWith('/') === true ? path : undefined
}
