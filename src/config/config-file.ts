// Reads a configuration file: YAML in, a checked value out, or one error that names every mistake with file, line and column,
// what is wrong and what was meant. What the keys are is the schema's business (peer/config, relay/config.ts).
//
// Invariant: whatever the text is, the answer is the schema's output or a ConfigError.

import { readFile } from 'node:fs/promises'
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml'
import type { z } from 'zod'
import { HeirloomError } from '../errors.ts'
import { configFileBytesMax } from '../limits/agent.ts'
import { describeIssue } from './issue.ts'

/** One mistake. Line and column count from 1. */
export interface ConfigProblem {
  readonly line: number
  readonly column: number
  /** Such as `sources[0].name`; empty for the file as a whole. */
  readonly path: string
  readonly message: string
}

/** All mistakes of one file; code `config`. */
export class ConfigError extends HeirloomError {
  readonly problems: readonly ConfigProblem[]

  constructor(file: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map(
      ({ line, column, path, message }) => `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`,
    )
    super('config', lines.length === 1 ? lines[0]! : `${file} has ${lines.length} errors\n${lines.map((line) => `  ${line}`).join('\n')}`, {
      hint: '`config schema` prints the JSON Schema of this file, `config print` a file with all defaults',
    })
    this.problems = problems
  }
}

type Path = readonly PropertyKey[]

/** Reads the file's text. Throws `config` when it isn't there, can't be read or is larger than any configuration is. */
export async function readConfigFile(file: string): Promise<string> {
  try {
    const bytes = await readFile(file)
    if (bytes.length > configFileBytesMax) throw new HeirloomError('config', `${file} is larger than ${configFileBytesMax} bytes`)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (thrown) {
    if (thrown instanceof HeirloomError) throw thrown
    const code = (thrown as NodeJS.ErrnoException).code
    if (code === 'ENOENT')
      throw new HeirloomError('config', `there is no file ${file}`, { hint: 'give its name with --config', cause: thrown })
    if (code === 'EISDIR') throw new HeirloomError('config', `${file} is a directory, not a file`, { cause: thrown })
    const why = code === undefined ? 'it is not UTF-8 text' : (thrown as Error).message
    throw new HeirloomError('config', `${file} can't be read: ${why}`, { cause: thrown })
  }
}

/**
 * Checks a configuration's text against its schema. `overrides` are top-level keys that flags or the environment give: they
 * stand over the file's. `file` is for messages only.
 */
export function parseConfig<Schema extends z.ZodType>(
  text: string,
  file: string,
  schema: Schema,
  overrides: Readonly<Record<string, unknown>> = {},
): z.output<Schema> {
  const lines = new LineCounter()
  const { document, input } = parseYaml(text, file, lines)
  const overridden = Object.keys(overrides).length === 0 ? input : withOverrides(input, overrides)
  const checked = schema.safeParse(overridden, { error: describeIssue })
  if (checked.success) return checked.data

  const problems = checked.error.issues.flatMap((issue): ConfigProblem[] => {
    if (issue.code !== 'unrecognized_keys') return [problemAt(document, lines, issue.path, issue.message)]
    // The schema's own message has one line a key: see `strict` in values.ts.
    const messages = issue.message.split('\n')
    return issue.keys.map((key, index) => problemAt(document, lines, [...issue.path, key], messages[index] ?? issue.message, true))
  })
  throw new ConfigError(file, sorted(problems))
}

function parseYaml(text: string, file: string, lines: LineCounter): { document: Document; input: unknown } {
  try {
    // Keys are strings even where YAML 1.1 would read `on` as true.
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent', stringKeys: true })
    const broken = [...document.errors, ...document.warnings]
    if (broken.length > 0) {
      throw new ConfigError(
        file,
        broken.slice(0, 20).map(({ pos, message }) => ({ ...positionOf(lines, pos[0]), path: '', message: `not valid YAML: ${message}` })),
      )
    }
    return { document, input: document.toJS() ?? {} }
  } catch (thrown) {
    if (thrown instanceof HeirloomError) throw thrown
    // Too many aliases, or nested so deeply that the parser gave up.
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    throw new ConfigError(file, [{ line: 1, column: 1, path: '', message: `not valid YAML: ${message}` }])
  }
}

function withOverrides(input: unknown, overrides: Readonly<Record<string, unknown>>): unknown {
  return typeof input === 'object' && input !== null && !Array.isArray(input) ? { ...input, ...overrides } : input
}

/** Where in the text a path is: its value, or its key when the key is what's wrong; for what isn't there, what should hold it. */
function problemAt(document: Document, lines: LineCounter, path: Path, message: string, atKey = false): ConfigProblem {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const [depth, step] of path.entries()) {
    const last = depth === path.length - 1
    const child = childOf(node, step)
    if (child === undefined) break
    offset = (last && atKey ? startOf(child.key) : startOf(child.value)) ?? startOf(child.key) ?? offset
    node = child.value
  }
  return { ...positionOf(lines, offset), path: textOfPath(path), message }
}

function childOf(node: unknown, step: PropertyKey): { key?: unknown; value: unknown } | undefined {
  if (isMap(node)) return node.items.find(({ key }) => (isScalar(key) ? key.value : key) === step)
  if (isSeq(node) && typeof step === 'number' && step in node.items) return { value: node.items[step] }
  return undefined
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined
}

function positionOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

function textOfPath(path: Path): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${String(step)}`)).join('')
}

function sorted(problems: ConfigProblem[]): ConfigProblem[] {
  return problems.sort((a, b) => a.line - b.line || a.column - b.column)
}
