// A program of the demo as a child process that tells what it does in lines of JSON.
//
// Invariant: whoever starts one disposes it, and then the process is gone: ended by its own id, by force if it doesn't go.

import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { createInterface } from 'node:readline'
import { HeirloomError } from '../../src/errors.ts'

export interface ChildLine {
  readonly event: string
  readonly [field: string]: unknown
}

export interface ChildOptions {
  /** What it is called in messages. */
  readonly name: string
  /** What runs the command; without it this Node. */
  readonly program?: string
  /** The file to run and its arguments. */
  readonly command: readonly string[]
  readonly cwd: string
  /** Everything it says is written to this file as well. */
  readonly log?: string
  /** What starts it somewhere else: another program that becomes it. */
  readonly prefix?: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** What is kept of a child's standard error, for the message when it fails. */
const stderrCharsMax = 4000

export interface WaitForChild {
  readonly signal: AbortSignal
  /** After this many ms it has failed. */
  readonly patienceMs?: number
}

/** How long the start of a program may take on a busy machine. */
const defaultPatienceMs = 45_000

export class Child implements AsyncDisposable {
  readonly name: string
  /** The exit code; 128 and the signal's number count as any other code. Never rejects. */
  readonly ended: Promise<number>
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #firstLines = new Map<string, ChildLine>()
  readonly #listeners = new Set<(line: ChildLine) => void>()
  #stderr = ''

  /** The process itself; `Children.start` is how the demo makes one, so that it has an owner. */
  constructor({ name, program = process.execPath, command, cwd, log, prefix = [], env = process.env }: ChildOptions) {
    this.name = name
    // A session of its own: Ctrl-C on the terminal reaches the demo alone, which then ends its children in order.
    const [file, ...args] = [...prefix, program, ...command]
    this.#process = spawn(file!, args, { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
    if (log !== undefined) {
      const file = createWriteStream(log)
      for (const output of [this.#process.stdout, this.#process.stderr]) output.pipe(file, { end: false })
      this.#process.once('close', () => file.end())
    }
    this.#process.stdin.on('error', () => {})
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrCharsMax)
    })
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#take(line))
    // `close` comes when its output has been read to the end, so that no line is missed.
    this.ended = new Promise((resolve) => {
      this.#process.once('error', () => resolve(127))
      this.#process.once('close', (code) => resolve(code ?? 128))
    })
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Calls `listener` for every line from now on. */
  listen(listener: (line: ChildLine) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** The first line of this event that has come so far. */
  seen(event: string): ChildLine | undefined {
    return this.#firstLines.get(event)
  }

  /** The first line of one of these events, also if it came already. Throws when the child ends without it, or takes too long. */
  async first(events: string | readonly string[], options: WaitForChild): Promise<ChildLine> {
    const wanted = [events].flat()
    const words = wanted.join('" or "')
    const seen = wanted.map((event) => this.#firstLines.get(event)).find((line) => line !== undefined)
    if (seen !== undefined) return seen
    const { promise, resolve } = Promise.withResolvers<ChildLine>()
    using _ = this.listen((line) => {
      if (wanted.includes(line.event)) resolve(line)
    })
    const ended = this.ended.then((code) => {
      throw this.failure(`ended with code ${code} before it said "${words}"`)
    })
    return await this.#inTime(Promise.race([promise, ended]), `did not say "${words}"`, options)
  }

  /** Waits for its end; throws unless the exit code is one of these. */
  async expectEnd(codes: readonly number[], options: WaitForChild): Promise<void> {
    const code = await this.#inTime(this.ended, 'did not end', options)
    if (!codes.includes(code)) throw this.failure(`ended with code ${code}`)
  }

  tell(name: NodeJS.Signals): void {
    this.#process.kill(name)
  }

  /** An error that says what went wrong with this child, with the end of its standard error. */
  failure(what: string): HeirloomError {
    const said = this.#stderr.trim()
    return new HeirloomError('io', `${this.name} ${what}${said === '' ? '' : `; its last words:\n${said.replace(/^/gm, '  | ')}`}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode, pid } = this.#process
    if (pid === undefined || exitCode !== null || signalCode !== null) return
    this.#process.kill('SIGKILL')
    await once(this.#process, 'exit')
  }

  async #inTime<T>(promise: Promise<T>, failing: string, { signal, patienceMs = defaultPatienceMs }: WaitForChild): Promise<T> {
    const timeout = new AbortController()
    const timer = setTimeout(() => timeout.abort(this.failure(`${failing} within ${patienceMs / 1000} s`)), patienceMs)
    try {
      return await untilAborted(promise, AbortSignal.any([signal, timeout.signal]))
    } finally {
      clearTimeout(timer)
    }
  }

  #take(text: string): void {
    let line: ChildLine
    try {
      line = JSON.parse(text) as ChildLine
    } catch {
      return
    }
    if (typeof line?.event !== 'string') return
    if (!this.#firstLines.has(line.event)) this.#firstLines.set(line.event, line)
    for (const listener of this.#listeners) listener(line)
  }
}

/** The promise's outcome, or the signal's reason as soon as it is aborted. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
