// A program that a source runs: without a shell, in a process group of its own, so that what it has started ends with it.
// Invariant: whoever made one disposes it; then the whole group is gone. Of what it says on stderr only the end is kept.

import { spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import process from 'node:process'
import { systemClock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import { programPipeMs, programStderrCharsMax } from '../../src/limits/source.ts'

export interface ProgramEnd {
  /** Null when a signal ended it, or it couldn't be started. */
  readonly code: number | null
  /** How it ended, in words, with the last that it said on stderr. Undefined when all was well. */
  readonly trouble: string | undefined
  readonly stderr: string
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>
}

export class Program implements AsyncDisposable {
  readonly ended: Promise<ProgramEnd>
  readonly #name: string
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  #isOver = false

  constructor([file = '', ...args]: readonly string[], { env = {} }: ProgramOptions = {}) {
    this.#name = file
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: { ...process.env, ...env } })
    let stderr = ''
    this.#child.stderr.on('data', (piece: Buffer) => (stderr = (stderr + piece.toString('utf8')).slice(-programStderrCharsMax)))
    // Who writes to it hears of its end there.
    this.#child.stdin.on('error', () => {})
    const { promise, resolve } = Promise.withResolvers<ProgramEnd>()
    this.ended = promise
    this.#child.once('error', (error) => {
      if (this.#child.pid === undefined) resolve({ code: null, trouble: `${file} can't be run: ${error.message}`, stderr })
    })
    this.#child.once('close', (code, signal) => {
      // What it has left behind goes with it; later its number may be another's.
      this.#killGroup()
      this.#isOver = true
      const how = signal !== null ? `was ended by ${signal}` : code === 0 ? undefined : `ended with exit code ${code}`
      const said = stderr.trim()
      resolve({ code, trouble: how === undefined ? undefined : `${file} ${how}${said === '' ? '' : `: ${said}`}`, stderr: said })
    })
  }

  /** What it writes. To be read by one reader. */
  get output(): AsyncIterable<Uint8Array> {
    return this.#child.stdout
  }

  /** Resolves when it takes more. Throws `source-failed` when it takes nothing any more. */
  async write(bytes: string | Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { stdin } = this.#child
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    stdin.write(bytes, (error) => {
      if (error === null || error === undefined) resolve()
      else reject(new HeirloomError('source-failed', `${this.#name} takes nothing any more: ${error.message}`, { cause: error }))
    })
    await promise.finally(() => signal.removeEventListener('abort', onAbort))
  }

  closeInput(): void {
    this.#child.stdin.end()
  }

  /** Ends it and what it has started, at once. Nothing more of its output is read. */
  kill(): void {
    this.#child.stdout.destroy()
    this.#killGroup()
  }

  /** As kill; resolves when it is gone. */
  async end(): Promise<ProgramEnd> {
    this.kill()
    this.#child.stdin.destroy()
    // What has left the group may hold the pipe of its complaints for ever.
    const cancel = systemClock.after(programPipeMs, () => this.#child.stderr.destroy())
    return await this.ended.finally(cancel)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }

  #killGroup(): void {
    const { pid } = this.#child
    if (pid === undefined || this.#isOver) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // The group is gone already.
    }
  }
}

export interface RunOptions extends ProgramOptions {
  readonly input: string | Uint8Array
  readonly signal: AbortSignal
  readonly outputBytesMax: number
}

/** Runs a program to its end and answers what it wrote. Throws `source-failed` when it fails or says too much, the signal's reason when aborted. */
export async function runProgram(command: readonly string[], { input, signal, outputBytesMax, ...options }: RunOptions): Promise<Buffer> {
  signal.throwIfAborted()
  await using program = new Program(command, options)
  const onAbort = () => program.kill()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    // A program that doesn't want to hear it may still answer.
    void program.write(input, signal).catch(() => {})
    program.closeInput()
    const pieces: Uint8Array[] = []
    let bytes = 0
    for await (const piece of program.output) {
      bytes += piece.byteLength
      if (bytes > outputBytesMax) throw new HeirloomError('source-failed', `${command[0]} says more than ${outputBytesMax} bytes`)
      pieces.push(piece)
    }
    const { trouble } = await program.ended
    signal.throwIfAborted()
    if (trouble !== undefined) throw new HeirloomError('source-failed', trouble)
    return Buffer.concat(pieces)
  } catch (thrown) {
    signal.throwIfAborted()
    throw thrown
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
