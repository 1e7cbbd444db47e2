// The real directory that goes along: which one, how large it is, and how much of it, when it is too large for a demo.

import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'

export interface TreeSize {
  readonly files: number
  readonly bytes: number
}

export interface Chosen extends TreeSize {
  readonly path: string
  /** Globs of what stays behind. */
  readonly exclude: readonly string[]
}

/** As many globs as a configuration takes. */
const globsMax = 1000

/** Measures the directory; above `bytesMax` takes as many of its entries, in the order of their names, as fit. */
export async function chooseDirectory(path: string, bytesMax: number, signal: AbortSignal): Promise<Chosen> {
  const names = await readdir(path).catch((thrown: unknown) => {
    const hint = 'give a directory that you can read with --directory'
    throw new HeirloomError('io', `${path} can't be read: ${asHeirloomError(thrown).message}`, { cause: thrown, hint })
  })
  const chosen = { files: 0, bytes: 0 }
  const exclude: string[] = []
  for (const name of names.sort()) {
    const { files, bytes } = await treeSize(join(path, name), signal)
    if (chosen.bytes + bytes > bytesMax) {
      exclude.push(escapeGlob(name))
    } else {
      chosen.files += files
      chosen.bytes += bytes
    }
  }
  const hint = 'take a smaller directory, or a larger --max-directory'
  if (exclude.length > globsMax) throw new HeirloomError('usage', `${path} has too much for the demo`, { hint })
  if (exclude.length > 0 && chosen.files === 0)
    throw new HeirloomError('usage', `nothing directly in ${path} is small enough for the demo`, { hint })
  return { path, exclude, ...chosen }
}

/** Files and their bytes below `path`, itself included; links count as files of no bytes. What vanishes meanwhile isn't counted. */
export async function treeSize(path: string, signal: AbortSignal): Promise<TreeSize> {
  signal.throwIfAborted()
  const stat = await lstat(path).catch(() => undefined)
  if (stat === undefined) return { files: 0, bytes: 0 }
  if (!stat.isDirectory()) return { files: 1, bytes: stat.isFile() ? stat.size : 0 }
  const names = await readdir(path).catch(() => [])
  return sum(await Promise.all(names.map((name) => treeSize(join(path, name), signal))))
}

function sum(sizes: readonly TreeSize[]): TreeSize {
  return sizes.reduce<TreeSize>((all, { files, bytes }) => ({ files: all.files + files, bytes: all.bytes + bytes }), { files: 0, bytes: 0 })
}

/** The name as a glob. Globs have no escape on every system, so that a special character is matched by the sign for any one. */
function escapeGlob(name: string): string {
  return name.replace(/[*?[({\\]/g, '?')
}
