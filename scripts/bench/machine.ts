// Where and of what something was measured.

import { execFile } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { promisify } from 'node:util'

export interface Circumstances {
  /** With `+` when files differ from it; empty outside a checkout. */
  readonly commit: string
  readonly node: string
  readonly machine: { readonly cores: number; readonly model: string; readonly memoryBytes: number; readonly platform: string }
}

export async function circumstances(root: string): Promise<Circumstances> {
  const [core] = cpus()
  return {
    commit: `${await git(root, ['rev-parse', 'HEAD'])}${(await git(root, ['status', '--porcelain'])) === '' ? '' : '+'}`,
    node: process.version,
    machine: {
      cores: cpus().length,
      model: core?.model ?? '',
      memoryBytes: totalmem(),
      platform: `${process.platform} ${process.arch}`,
    },
  }
}

async function git(root: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('git', args, { cwd: root }).catch(() => ({ stdout: '' }))
  return stdout.trim()
}
