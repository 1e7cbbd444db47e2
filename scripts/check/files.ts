// The files that belong to the project, with their text: what the rules of the house and the documents are read from.

import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'

export interface ProjectFile {
  /** Relative to the checkout, with / between the parts. */
  readonly path: string
  readonly text: string
}

/** The same as in .gitignore; the walk doesn't ask git, because an unpacked archive has none. */
const foreign = /^(\.git|node_modules|dist|\.heirloom)$|\.log$/

export async function projectFiles(root: string, directory = root): Promise<ProjectFile[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  const found = await Promise.all(
    entries
      .filter((entry) => !foreign.test(entry.name))
      .map(async (entry) => {
        const path = join(directory, entry.name)
        if (entry.isDirectory()) return projectFiles(root, path)
        if (!entry.isFile()) return []
        return [{ path: relative(root, path).replaceAll('\\', '/'), text: await readFile(path, 'utf8') }]
      }),
  )
  return found.flat()
}
