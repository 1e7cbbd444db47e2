#!/usr/bin/env node
// The program `heirloom`. Each command is in a file of its own in command/; what both programs share is in src/cli.

import { runAsProcess } from '../src/cli/entry.ts'
import type { Terminal } from '../src/cli/output.ts'
import { createProgram } from '../src/cli/program.ts'
import { packageVersion } from '../src/cli/version.ts'
import { certifyCommand } from './command/certify.ts'
import { configCommand } from './command/config.ts'
import { doctorCommand } from './command/doctor.ts'
import { handoffCommand } from './command/handoff.ts'
import { identityCommand } from './command/identity.ts'
import { keygenCommand } from './command/keygen.ts'
import { peerCommand } from './command/peer.ts'
import { planCommand } from './command/plan.ts'
import { receiptCommand } from './command/receipt.ts'
import { receiveCommand } from './command/receive.ts'
import { sendCommand } from './command/send.ts'
import { simulateCommand } from './command/simulate.ts'
import { statusCommand } from './command/status.ts'

/** Runs a command line, without the program's name, and answers the exit code. */
export async function runHeirloom(args: readonly string[], terminal: Terminal): Promise<number> {
  const description = "Hands a terminating VM's warm state to its successor."
  const program = createProgram({ name: 'heirloom', description, version: packageVersion() }, terminal)
  const commands = [
    keygenCommand,
    certifyCommand,
    identityCommand,
    peerCommand,
    handoffCommand,
    statusCommand,
    receiptCommand,
    planCommand,
    sendCommand,
    receiveCommand,
    simulateCommand,
    configCommand,
    doctorCommand,
  ]
  for (const command of commands) program.add(command)
  return program.run(args)
}

export function main(): Promise<never> {
  return runAsProcess(runHeirloom)
}

if (import.meta.main) await main()
