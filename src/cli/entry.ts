// The edge between a program and its process: arguments in, exit code out, nothing that was written is lost.

import process from 'node:process'
import { HeirloomError } from '../errors.ts'
import type { Terminal } from './output.ts'

/** Runs a program as this process and ends it with the program's exit code. */
export async function runAsProcess(run: (args: readonly string[], terminal: Terminal) => Promise<number>): Promise<never> {
  // Whoever read our output has gone (`heirloom status | head`): there is nobody left to tell.
  process.stdout.on('error', () => process.exit(0))
  process.stderr.on('error', () => {})
  const code = await run(process.argv.slice(2), { env: process.env, stdout: process.stdout, stderr: process.stderr })
  await Promise.all([flushed(process.stdout), flushed(process.stderr)])
  // Connections that linger must not keep a command alive that has said its result.
  process.exit(code)
}

/** A signal that is aborted at the first Ctrl-C or SIGTERM; a second one ends the process at once. Dispose it with the command. */
export function onInterrupt(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController()
  const interrupt = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143)
    controller.abort(new HeirloomError('aborted', 'interrupted'))
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off('SIGINT', interrupt)
      process.off('SIGTERM', interrupt)
    },
  }
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()))
}
