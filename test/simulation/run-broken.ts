// Runs a test file with production code broken on purpose.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import process from 'node:process'
import type { Mutation } from './mutations.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const preload = new URL('patched-process.ts', import.meta.url).href

/** Answers whether a test of the file fails then; throws when the file can't be run. */
export async function failsWhenBroken({ patches }: Pick<Mutation, 'patches'>, file: string): Promise<boolean> {
  const env = { ...process.env, HEIRLOOM_PATCHES: JSON.stringify(patches) }
  const child = spawn(process.execPath, ['--import', preload, file], { cwd: root, env, stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  // One that waits for what never comes then ends early.
  if (!/[•✘]/.test(output)) throw new Error(`${file} could not be run: it ended with ${code} and said ${output}`)
  return code !== 0
}
