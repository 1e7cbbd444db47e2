// What a test file says about itself in its first lines: on which runtimes it runs, and how long it may take.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Runtime = 'node' | 'deno'

export interface TestFile {
  /** Relative to the checkout, with / between the parts. */
  readonly path: string
  readonly runtimes: readonly Runtime[]
  readonly timeoutMs: number
}

const defaultTimeoutMs = 120_000
const headLines = 6

/** Reads the head of a test file's text: `// runs on: node, deno` and `// time-out: 300 s`, each on a line of its own. */
export function describeTestFile(path: string, text: string): TestFile {
  const head = text.split('\n', headLines)
  const valueOf = (key: string) =>
    head
      .find((line) => line.startsWith(`// ${key}:`))
      ?.slice(key.length + 4)
      .trim()
  const runtimes = (valueOf('runs on') ?? 'node').split(/,\s*/)
  const timeout = valueOf('time-out') ?? `${defaultTimeoutMs / 1000} s`
  const seconds = /^(\d+) s$/.exec(timeout)?.[1]
  if (seconds === undefined) throw new Error(`${path}: the time-out "${timeout}" is not like "300 s"`)
  if (!runtimes.every(isRuntime)) throw new Error(`${path}: it runs on "${runtimes.join(', ')}", but node and deno are all there is`)
  return { path, runtimes, timeoutMs: Number(seconds) * 1000 }
}

/** All test files of the checkout whose path contains one of `patterns`, those that may take longest first. */
export function findTestFiles(root: string, patterns: readonly string[]): TestFile[] {
  return globSync('test/**/*.test.ts', { cwd: root })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern)))
    .map((path) => describeTestFile(path, readFileSync(join(root, path), 'utf8')))
    .toSorted((a, b) => b.timeoutMs - a.timeoutMs || (a.path < b.path ? -1 : 1))
}

export function isRuntime(text: string): text is Runtime {
  return text === 'node' || text === 'deno'
}
