// A program of this checkout as a real process. A test waits for what it says (JSON lines on stdout), never for time; whatever goes
// wrong, the end of what it said is in the message. It is ended by its id, with its owner.

import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { denoPermissions } from '../../scripts/deno/permissions.ts'

const root = join(import.meta.dirname, '../..')

/** No test waits longer than this for one thing: a bound for what would hang, not a measure of speed. */
export const waitMs = 60_000

const stderrCharsMax = 20_000

export type Row = { readonly event: string } & Record<string, unknown>

export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  /** The last line of stdout. */
  readonly result: Row
  readonly stderr: string
}

/** What users start, by the program behind it. */
const launchers: Readonly<Record<string, string>> = { 'peer/cli.ts': 'bin/heirloom.js', 'relay/cli.ts': 'bin/heirloom-relay.js' }

export interface ProgramOptions {
  /** The command before the program's own path; without it this Node, through the program's launcher. */
  readonly runtime?: readonly string[]
  /** On top of this process's environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** What runs a program under Deno, with the permissions that are written down for it. */
export function denoRuntime(program: string): string[] {
  return [join(root, 'node_modules/.bin/deno'), 'run', '--quiet', '--no-prompt', ...denoPermissions(program)]
}

/** A program of this checkout as a process, with what it has said so far. */
export class Program implements AsyncDisposable {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  readonly rows: Row[] = []
  stderr = ''
  readonly #waiting = new Set<() => void>()
  /** It ended, and everything that it wrote was read. */
  #isOver = false

  constructor([program = '', ...args]: readonly string[], { runtime, env = {} }: ProgramOptions = {}) {
    const [command, ...before] = runtime ?? [process.execPath]
    const file = runtime === undefined ? (launchers[program] ?? program) : program
    this.child = spawn(command!, [...before, file, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    this.child.stderr!.on('data', (data: Buffer) => (this.stderr = (this.stderr + data.toString()).slice(-stderrCharsMax)))
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.#read(line))
    this.ended = new Promise((resolve) => {
      // A runtime that isn't there is an end, too: 'close' follows, with no code.
      this.child.once('error', (error) => (this.stderr += error.message))
      this.child.once('close', (code, signal) => {
        this.#isOver = true
        resolve({ code, signal, result: this.rows.at(-1) ?? { event: 'none' }, stderr: this.stderr })
        this.#wake()
      })
    })
  }

  /** Resolves with the `count`th row of an event; rejects when the program ends before it, or takes too long. */
  async row(event: string, count = 1): Promise<Row> {
    const deadline = AbortSignal.timeout(waitMs)
    for (;;) {
      const found = this.rows.filter((row) => row.event === event)[count - 1]
      if (found !== undefined) return found
      if (this.#isOver) throw new Error(`ended without event ${event}: ${this.#story()}`)
      if (deadline.aborted) throw new Error(`no event ${event} in time: ${this.#story()}`)
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve)
        deadline.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }

  /** How it ended; rejects when it takes too long. */
  async end(): Promise<Ended> {
    const timer = Promise.withResolvers<never>()
    const cancel = setTimeout(() => timer.reject(new Error(`did not end in time: ${this.#story()}`)), waitMs)
    try {
      return await Promise.race([this.ended, timer.promise])
    } finally {
      clearTimeout(cancel)
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }

  #read(line: string): void {
    try {
      this.rows.push(JSON.parse(line) as Row)
    } catch {
      // Text for people, or the torn last line of a program that was killed.
      return
    }
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  #story(): string {
    const rows = this.rows.slice(-5).map((row) => JSON.stringify(row))
    return [this.child.spawnargs.join(' '), ...rows, this.stderr].join('\n')
  }
}
