// Documents: links between files and to headings lead somewhere, the commands that they show exist, with their flags, and so do the tests
// that they name.

import { access } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import process from 'node:process'
import { projectFiles, type ProjectFile } from './files.ts'
import { run, type Gate } from './gate.ts'

/** The help of a command line such as `peer/cli.ts send`; undefined when there is no such command. */
export type Help = (program: string, command: string) => Promise<string | undefined>

const programs: Readonly<Record<string, string>> = { heirloom: 'peer/cli.ts', 'heirloom-relay': 'relay/cli.ts' }

export const documents: Gate = {
  name: 'documents',
  async problems(root) {
    const files = await projectFiles(root)
    const help = askPrograms(root)
    const scripts = scriptsOf(files.find(({ path }) => path === 'package.json'))
    const found: string[] = []
    for (const file of files.filter(({ path }) => path.endsWith('.md'))) {
      found.push(...(await brokenLinks(root, file, files)), ...missingScripts(file, scripts), ...missingTests(file, files))
      found.push(...(await wrongCommands(file, help)))
    }
    return found.join('\n')
  },
}

/** Links to a file that isn't there, or to a heading that it doesn't have. Addresses of other sites are not visited. */
export async function brokenLinks(root: string, { path, text }: ProjectFile, files: readonly ProjectFile[]): Promise<string[]> {
  const broken: string[] = []
  for (const [, target = ''] of withoutCode(text).matchAll(/\]\(([^)\s]+)[^)]*\)/g)) {
    if (/^[a-z]+:/.test(target)) continue
    const [file = '', heading] = target.split('#')
    const to = file === '' ? path : normalize(join(dirname(path), file))
    const there = await access(join(root, to)).then(
      () => true,
      () => false,
    )
    if (!there) broken.push(`${path}: the link to ${target} leads nowhere`)
    else if (heading !== undefined && !headings(files.find((other) => other.path === to)?.text ?? '').has(heading)) {
      broken.push(`${path}: ${to} has no heading #${heading}`)
    }
  }
  return broken
}

/** `npm run NAME` for scripts that package.json doesn't have. */
export function missingScripts({ path, text }: ProjectFile, scripts: ReadonlySet<string>): string[] {
  return [...text.matchAll(/\bnpm run ([a-z][a-z:-]*)/g)].flatMap(([, name = '']) =>
    scripts.has(name) ? [] : [`${path}: package.json has no script "${name}"`],
  )
}

/** Tests that are named as (`test/file.test.ts`: "how the name begins", …) and that the file doesn't have. */
export function missingTests({ path, text }: ProjectFile, files: readonly ProjectFile[]): string[] {
  const named = [...text.matchAll(/`(test\/[^`]+\.test\.ts)`:((?:[,\s]*"[^"]+")+)/g)]
  return named.flatMap(([, file = '', names = '']) => {
    const tests = files.find((other) => other.path === file)?.text ?? ''
    return [...names.matchAll(/"([^"]+)"/g)].flatMap(([, name = '']) => {
      const words = name.replaceAll(/\s+/g, ' ')
      return tests.includes(`'${words}`) || tests.includes(`\`${words}`) || tests.includes(`"${words}`)
        ? []
        : [`${path}: ${file} has no test "${words}"`]
    })
  })
}

/** Commands and flags in `sh` blocks that the programs' own help doesn't know. */
export async function wrongCommands({ path, text }: ProjectFile, help: Help): Promise<string[]> {
  const wrong: string[] = []
  for (const line of commandLines(text)) {
    const [, program = '', rest = ''] = /^(?:npx )?(heirloom(?:-relay)?)(?: (.*))?$/.exec(line) ?? []
    if (program === '') continue
    // What comes after a comment, a pipe or another command is no argument of this one.
    const words = rest.split(/ [#|&>]/)[0]!.split(/\s+/)
    const command = words[0] === undefined || words[0].startsWith('-') ? '' : words[0]
    const said = await help(programs[program]!, command)
    if (said === undefined) {
      wrong.push(`${path}: ${program} has no command "${command}"`)
      continue
    }
    const flags = words.flatMap((word) => /^--[a-z][a-z-]*/.exec(word)?.[0] ?? [])
    for (const flag of flags) {
      if (!new RegExp(`${flag}(?![a-z-])`).test(said)) wrong.push(`${path}: ${program} ${command} has no flag ${flag}`)
    }
  }
  return wrong
}

/** The lines of all `sh` blocks; those that go on with a backslash are one. */
function commandLines(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = '']) => block)
  return blocks.flatMap((block) => block.replaceAll(/\\\n\s*/g, '').split('\n')).map((line) => line.trim())
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '')
}

/** The anchors of a document's headings, as GitHub makes them. */
function headings(text: string): Set<string> {
  const titles = [...withoutFences(text).matchAll(/^#{1,6} +(.+)$/gm)].map(([, title = '']) => title)
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

function withoutFences(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, '')
}

function scriptsOf(file: ProjectFile | undefined): Set<string> {
  const { scripts = {} } = JSON.parse(file?.text ?? '{}') as { scripts?: object }
  return new Set(Object.keys(scripts))
}

/** Asks the programs themselves, once for each command. */
function askPrograms(root: string): Help {
  const asked = new Map<string, Promise<string | undefined>>()
  const ask = async (program: string, command: string) => {
    const { code, output } = await run(root, process.execPath, [program, ...(command === '' ? [] : [command]), '--help'])
    // A program that is asked for the help of a command it doesn't have gives its own.
    return code === 0 && new RegExp(`^Usage: heirloom(-relay)? ${command}`).test(output) ? output : undefined
  }
  return (program, command) => {
    const key = `${program} ${command}`
    const known = asked.get(key) ?? ask(program, command)
    asked.set(key, known)
    return known
  }
}
