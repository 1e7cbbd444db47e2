// What of a file the kernel has in memory, and how to make it forget: asked and told by a Python of a test's own, not by the code under test.

import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TempDirectory } from './temp.ts'

const forget = `
import os, sys
for path in sys.argv[1:]:
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
`

/** Reads without reading ahead, so that only these pages come in. */
const touch = `
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
os.pread(fd, int(sys.argv[3]), int(sys.argv[2]))
os.close(fd)
`

function run(debianPackage: string, program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8' })
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown
    throw new Error(`this test needs ${program}: apt-get install ${debianPackage}`, { cause: thrown })
  }
}

export function forgetFiles(...paths: string[]): void {
  run('python3', 'python3', ['-c', forget, ...paths])
}

export function touchFile(path: string, start: number, length: number): void {
  run('python3', 'python3', ['-c', touch, path, String(start), String(length)])
}

/** By util-linux, in bytes. */
export function residentBytesOf(path: string): number {
  const { fincore } = JSON.parse(run('util-linux-extra', 'fincore', ['--json', '--bytes', path])) as {
    fincore: { res: number }[]
  }
  return Number(fincore[0]!.res)
}

/** As makeTemp, on a disk: what is on a file system in memory is never forgotten. */
export async function makeTempOnDisk(): Promise<TempDirectory> {
  const path = await mkdtemp('/var/tmp/heirloom-test-')
  return {
    path,
    at: (...parts) => join(path, ...parts),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}
