// `heirloom identity`: who this VM is to others, which `certify` and the relay's log name it by.

import { join, resolve } from 'node:path'
import { textFlag } from '../../src/cli/flag.ts'
import type { CommandDefinition } from '../../src/cli/program.ts'
import { openIdentityFile } from '../../src/cli/secret-file.ts'
import type { Identity } from '../../src/seal/identity.ts'
import type { KeyFile } from '../../src/seal/pool-key.ts'
import { defaultState, type Environment } from '../config/directories.ts'

export const identityCommand: CommandDefinition = {
  name: 'identity',
  description: "show this VM's peer id; make its identity if there is none",
  example: 'heirloom identity',
  options: [textFlag('--out <file>', "the identity's file (default: identity.key in the state directory)"), stateFlag()],
  async run({ flags, output }) {
    const file = identityFile(flags['out'], flags['state'], output.terminal.env)
    const { peerId } = await openIdentityFile(file)
    output.result({ peer: peerId, file }, peerId, { always: true })
    return 0
  },
}

export function stateFlag() {
  return textFlag('--state <directory>', 'where identity and journal are kept (default: $STATE_DIRECTORY, or ~/.local/state/heirloom)')
}

export function identityFlag() {
  return textFlag(
    '--identity <file>',
    "this VM's identity (default: identity.key in the state directory; with a pool secret a new one for this run)",
  )
}

/** The identity for a one-shot command: the one that was given or that a certificate is for, else none, and a new one serves. */
export async function identityFor(
  keyFile: KeyFile,
  flags: Readonly<{ identity?: string; state?: string }>,
  env: Environment,
): Promise<Identity | undefined> {
  if (flags.identity === undefined && keyFile.kind !== 'certificate') return undefined
  return openIdentityFile(identityFile(flags.identity, flags.state, env))
}

function identityFile(given: string | undefined, state: string | undefined, env: Environment): string {
  return resolve(given ?? join(state ?? defaultState(env), 'identity.key'))
}
