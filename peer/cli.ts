#!/usr/bin/env node
// The program `heirloom`. Each command is in a file of its own in command/; what both programs share is in src/cli.

import { runAsProcess } from '../src/cli/entry.ts'
import type { Terminal } from '../src/cli/output.ts'
import { createProgram, type CommandDefinition } from '../src/cli/program.ts'
import { packageVersion } from '../src/cli/version.ts'
/** In the order of the help. Most of what a start costs is to load what the other commands need. */
const commands: Readonly<Record<string, () => Promise<CommandDefinition>>> = {
  keygen: async () => (await import('./command/keygen.ts')).keygenCommand,
  certify: async () => (await import('./command/certify.ts')).certifyCommand,
  identity: async () => (await import('./command/identity.ts')).identityCommand,
  peer: async () => (await import('./command/peer.ts')).peerCommand,
  handoff: async () => (await import('./command/handoff.ts')).handoffCommand,
  status: async () => (await import('./command/status.ts')).statusCommand,
  receipt: async () => (await import('./command/receipt.ts')).receiptCommand,
  plan: async () => (await import('./command/plan.ts')).planCommand,
  send: async () => (await import('./command/send.ts')).sendCommand,
  receive: async () => (await import('./command/receive.ts')).receiveCommand,
  simulate: async () => (await import('./command/simulate.ts')).simulateCommand,
  config: async () => (await import('./command/config.ts')).configCommand,
  doctor: async () => (await import('./command/doctor.ts')).doctorCommand,
}

/** The one that is named first; all of them for the help, and for whoever names none. */
function commandsFor([name = '']: readonly string[]): Promise<CommandDefinition[]> {
  const named = Object.hasOwn(commands, name) ? [commands[name]!] : Object.values(commands)
  return Promise.all(named.map((load) => load()))
}

/** Runs a command line, without the program's name, and answers the exit code. */
export async function runHeirloom(args: readonly string[], terminal: Terminal): Promise<number> {
  const description = "Hands a terminating VM's warm state to its successor."
  const program = createProgram({ name: 'heirloom', description, version: packageVersion() }, terminal)
  for (const command of await commandsFor(args)) program.add(command)
  return program.run(args)
}

export function main(): Promise<never> {
  return runAsProcess(runHeirloom)
}

if (import.meta.main) await main()
