#!/usr/bin/env node
// The program `heirloom-relay`.

import { runAsProcess } from '../src/cli/entry.ts'
import type { Terminal } from '../src/cli/output.ts'
import { createProgram } from '../src/cli/program.ts'
import { packageVersion } from '../src/cli/version.ts'
import { serveCommand } from './command/serve.ts'
import { statusCommand } from './command/status.ts'

/** Runs a command line, without the program's name, and answers the exit code. */
export async function runHeirloomRelay(args: readonly string[], terminal: Terminal): Promise<number> {
  const description = 'The warm-start service: lets predecessors and successors find each other, and keeps sealed packs between them.'
  const program = createProgram({ name: 'heirloom-relay', description, version: packageVersion() }, terminal)
  for (const command of [serveCommand, statusCommand]) program.add(command)
  return program.run(args)
}

export function main(): Promise<never> {
  return runAsProcess(runHeirloomRelay)
}

if (import.meta.main) await main()
