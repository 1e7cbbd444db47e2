// One gate of `npm run check`: looks at a checkout and says what is wrong with it. Each is told the root, so that its own test
// can plant a violation in another tree and see that the gate finds it.

import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'
import process from 'node:process'

export interface Gate {
  readonly name: string
  /** What is wrong, for a person; empty when all is well. */
  readonly problems: (root: string) => Promise<string>
}

/** A gate that is a program of node_modules/.bin: well when it ends with 0. */
export function programGate(name: string, program: string, args: readonly string[]): Gate {
  return { name, problems: (root) => runTool(root, program, args) }
}

/** Runs a tool of the checkout; the answer is empty when it ended with 0, else what it printed. */
export async function runTool(root: string, tool: string, args: readonly string[]): Promise<string> {
  const { code, output } = await run(root, join(root, 'node_modules/.bin', tool), args)
  return code === 0 ? '' : output || `${tool} ended with ${code}`
}

export interface Run {
  /** null when a signal ended it, or when it didn't start. */
  readonly code: number | null
  /** Of stdout and stderr. */
  readonly output: string
}

export async function run(root: string, command: string, args: readonly string[]): Promise<Run> {
  // The tools' own scripts start with `env node`: they, too, get this Node and the plugins beside them, whatever the machine has.
  const env = { ...process.env, NO_COLOR: '1', PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}` }
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const { promise, resolve } = Promise.withResolvers<number | null>()
  child.once('error', (error) => {
    output += error.message
    resolve(null)
  })
  child.once('close', (code) => resolve(code))
  return { code: await promise, output }
}
