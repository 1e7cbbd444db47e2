// `npm run build`: writes dist/, the package as it is published: JavaScript and declarations in place of the TypeScript, and a
// package.json without what only the checkout needs. `npm pack ./dist` makes the archive.

import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { runTool } from './check/gate.ts'

const root = join(import.meta.dirname, '..')
const papers = ['README.md', 'LICENSE', 'CHANGELOG.md']

interface Package {
  readonly exports?: Readonly<Record<string, string>>
  readonly [key: string]: unknown
}

async function build(out: string): Promise<void> {
  await rm(out, { recursive: true, force: true })
  const problems = await runTool(root, 'tsc', ['-p', 'tsconfig.build.json', '--outDir', out])
  if (problems !== '') throw new Error(problems)
  await mkdir(join(out, 'bin'))
  for (const name of await readdir(join(root, 'bin'))) {
    const text = await readFile(join(root, 'bin', name), 'utf8')
    await writeFile(join(out, 'bin', name), text.replaceAll("cli.ts'", "cli.js'"), { mode: 0o755 })
  }
  for (const paper of papers) await cp(join(root, paper), join(out, paper))
  const checkout = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Package
  await writeFile(join(out, 'package.json'), `${JSON.stringify(published(checkout), null, 2)}\n`)
}

/** The package.json that is published: no scripts, no tools, JavaScript behind every export. */
function published({
  private: _private,
  scripts: _scripts,
  devDependencies: _tools,
  allowScripts: _allowed,
  exports = {},
  ...kept
}: Package): Package {
  const entries = Object.entries(exports).map(([name, path]) => {
    if (!path.endsWith('.ts')) return [name, path]
    const base = path.slice(0, -'.ts'.length)
    return [name, { types: `${base}.d.ts`, default: `${base}.js` }]
  })
  return { ...kept, ...(entries.length > 0 ? { exports: Object.fromEntries(entries) } : {}) }
}

await build(process.argv[2] ?? join(root, 'dist'))
