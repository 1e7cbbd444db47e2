// Runs one test file in a process of its own and judges it: its tests, its exit, and what it left behind.
// Whatever happens, no process of its group lives on when this returns.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { signalGroup, survivors } from './process-group.ts'
import { Progress, progressFd, type EndedTest } from './progress.ts'
import type { Runtime, TestFile } from './test-file.ts'
import { readSummary, type Summary } from './uvu-summary.ts'

export interface FileReport {
  /** The path, with the runtime where it isn't Node. */
  readonly name: string
  readonly passed: number
  /** At least 1 when anything is wrong with the file, whatever its tests say. */
  readonly failed: number
  readonly skipped: number
  readonly problems: readonly string[]
  readonly output: string
  readonly elapsedMs: number
  readonly tests: readonly EndedTest[]
}

/** What is kept of a file's output: the end, where the failures are. */
const outputCharsMax = 1 << 20
/** After an interrupt: the time to clean up before the group is killed. Also how long pipes may stay open behind a process that is gone. */
const graceMs = 2_000

export async function runFile(root: string, file: TestFile, runtime: Runtime, signal: AbortSignal): Promise<FileReport> {
  const startMs = performance.now()
  const problems: string[] = []
  const { command, args } = commandFor(root, file, runtime)
  const child = spawn(command, args, { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'pipe'], env: environment(root) })
  const kill = (problem: string) => {
    problems.push(problem)
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
  }
  const output = collect(child.stdout!, child.stderr!)
  const progress = new Progress(child.stdio[progressFd] as Readable, (kinds) =>
    kill(`is over but doesn't end; left open: ${kinds.join(', ') || 'nothing that Node knows of'}`),
  )
  const exit = await guarded(child, file, progress, kill, problems, signal)
  const summary = readSummary(output())
  if (problems.length === 0) problems.push(...judge(summary, progress, exit))
  const passed = summary?.passed ?? progress.ended.filter((test) => test.passed).length
  return {
    name: runtime === 'node' ? file.path : `${file.path} (${runtime})`,
    passed,
    failed: Math.max((summary?.total ?? passed) - passed, problems.length > 0 ? 1 : 0),
    skipped: summary?.skipped ?? 0,
    problems,
    output: output(),
    elapsedMs: performance.now() - startMs,
    tests: progress.ended,
  }
}

function commandFor(root: string, file: TestFile, runtime: Runtime): { command: string; args: string[] } {
  const path = join(root, file.path)
  if (runtime === 'node') return { command: process.execPath, args: ['--import', new URL('preload.ts', import.meta.url).href, path] }
  return { command: join(root, 'node_modules/.bin/deno'), args: ['run', '--quiet', '--no-prompt', '--no-lock', '--allow-all', path] }
}

/** Compiled code is kept from process to process: a run starts a thousand, and most of what a start costs is to compile the same again. */
function environment(root: string): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _, ...rest } = process.env
  return { NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/heirloom-test'), ...rest, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' }
}

/** Waits for the end of the process and of its group; brings it about at the time-out and at an interrupt. Says how the process ended. */
async function guarded(
  child: ChildProcess,
  file: TestFile,
  progress: Progress,
  kill: (problem: string) => void,
  problems: string[],
  signal: AbortSignal,
): Promise<string> {
  const exited = endOf(child)
  const closed = once(child, 'close').catch(() => {})
  if (child.pid === undefined) return exited
  const groupId = child.pid
  const timeout = setTimeout(() => kill(`took longer than ${file.timeoutMs / 1000} s${progress.where}`), file.timeoutMs)
  let grace: NodeJS.Timeout | undefined
  const onAbort = () => {
    problems.push('was interrupted')
    signalGroup(groupId, 'SIGINT')
    grace = setTimeout(() => signalGroup(groupId, 'SIGKILL'), graceMs)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const exit = await exited
  clearTimeout(timeout)
  clearTimeout(grace)
  signal.removeEventListener('abort', onAbort)
  const left = await survivors(groupId)
  if (left.length > 0) kill(`left processes running: ${left.join(' | ')}`)
  const late = await Promise.race([closed.then(() => false), pause(graceMs, true, { ref: false })])
  if (late) problems.push('left a process running that left its group and holds its output')
  return exit
}

function judge(summary: Summary | undefined, progress: Progress, exit: string): string[] {
  if (progress.neverRun.length > 0) return [`never calls .run() of "${progress.neverRun.join('", "')}"`]
  if (summary === undefined && exit === '0' && progress.where === '') return ['ran no tests; is .run() missing?']
  if (summary === undefined) return [`ended with ${exit} before its tests did${progress.where}`]
  if (summary.total === 0) return ['has no tests']
  if (summary.passed < summary.total) return [`${summary.total - summary.passed} of ${summary.total} failed`]
  if (summary.skipped > 0) return [`${summary.skipped} skipped`]
  return exit === '0' ? [] : [`ended with ${exit}`]
}

/** Resolves when the process is gone; its pipes may outlive it in a child that was left over. */
async function endOf(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    return signal ?? `${code}`
  } catch (thrown) {
    return `no start: ${thrown instanceof Error ? thrown.message : String(thrown)}`
  }
}

function collect(...streams: Readable[]): () => string {
  let text = ''
  for (const stream of streams) {
    stream.setEncoding('utf8')
    stream.on('data', (more: string) => (text = (text + more).slice(-outputCharsMax)))
  }
  return () => text
}
