// `npm run deno`: shows how the two programs run under Deno, checks their types there, and starts each with the permissions
// that are written down, so that a permission that is missing shows.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { denoPermissions, denoPrograms, explainPermissions } from './deno/permissions.ts'

const root = join(import.meta.dirname, '..')

export function main(): number {
  let failed = 0
  for (const program of denoPrograms) {
    console.log(`\ndeno run ${denoPermissions(program).join(' ')} ${program}`)
    for (const { flag, why } of explainPermissions(program)) console.log(`  ${flag.padEnd(14)} ${why}`)
    if (!deno(['check', '--quiet', program])) failed++
    if (!deno(['run', '--quiet', '--no-prompt', ...denoPermissions(program), program, '--help'])) failed++
  }
  return failed === 0 ? 0 : 1
}

function deno(args: readonly string[]): boolean {
  const { status, stderr } = spawnSync(join(root, 'node_modules/.bin/deno'), args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} deno ${args[0]} ${args.filter((arg) => arg.endsWith('.ts')).join(' ')}`)
  if (status !== 0) console.error(stderr)
  return status === 0
}

if (import.meta.main) process.exitCode = main()
