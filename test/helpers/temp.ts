// A directory of a test's own, gone with the scope that made it: `await using directory = await makeTemp()`.

import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TempDirectory extends AsyncDisposable {
  readonly path: string
  /** The path of an entry in it, which need not exist. */
  at(...parts: string[]): string
}

/** In the user's own folder for such, unless told. */
export async function makeTemp(parent = tmpdir()): Promise<TempDirectory> {
  const path = await mkdtemp(join(parent, 'heirloom-test-'))
  return {
    path,
    at: (...parts) => join(path, ...parts),
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true }).catch(async () => {
        await openUp(path)
        await rm(path, { recursive: true, force: true })
      })
    },
  }
}

/** Gives back the rights that a test took from its directories: without them nobody but root can remove what is inside. */
async function openUp(directory: string): Promise<void> {
  await chmod(directory, 0o700)
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await openUp(join(directory, entry.name))
  }
}
