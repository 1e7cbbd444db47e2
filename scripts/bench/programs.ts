// The programs of others that Heirloom is measured against: where they are, and how they come here.

import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { delay, systemClock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import { probeData } from '../../src/lane/data-dial.ts'

/** By program: how it says its version, and Debian's package that has it. */
const known = {
  iperf3: { say: ['--version'], debian: 'iperf3' },
  rsync: { say: ['--version'], debian: 'rsync' },
  ssh: { say: ['-V'], debian: 'openssh-client' },
  '/usr/sbin/sshd': { say: ['-V'], debian: 'openssh-server' },
  tar: { say: ['--version'], debian: 'tar' },
  rclone: { say: ['--version'], debian: 'rclone' },
  tc: { say: ['-V'], debian: 'iproute2' },
} as const

export type Program = keyof typeof known

/** The first line of what each installed program says of its version. */
export async function installedPrograms(): Promise<Partial<Record<Program, string>>> {
  const found = await Promise.all(
    Object.entries(known).map(async ([program, { say }]) => {
      const said = await promisify(execFile)(program, [...say]).catch((thrown: { code?: unknown; stderr?: string }) =>
        // An older sshd takes -V for an error, and says its version all the same.
        typeof thrown.code === 'number' ? { stdout: '', stderr: thrown.stderr ?? '' } : undefined,
      )
      const [line = ''] = (said === undefined ? '' : said.stdout || said.stderr)
        .split('\n')
        .filter((text) => /\d+\.\d+|iproute2/.test(text))
      return line === '' ? [] : [[program, line.trim()] as const]
    }),
  )
  return Object.fromEntries(found.flat())
}

/** Installs all of them, as root on Debian and its like. Throws `config` when that fails. */
export async function installPrograms(signal: AbortSignal): Promise<void> {
  const packages = Object.values(known).map(({ debian }) => debian)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  try {
    await promisify(execFile)('apt-get', ['install', '--yes', '--no-install-recommends', ...packages], { signal, env })
  } catch (thrown) {
    throw new HeirloomError('config', `${packages.join(' ')} could not be installed`, {
      cause: thrown,
      hint: 'run this as root on Debian or Ubuntu after apt-get update, or install them yourself',
    })
  }
}

/** Runs a program to its end. Throws `internal` with its last words when it fails. */
export async function runProgram(command: readonly string[], signal: AbortSignal): Promise<void> {
  const [program, ...args] = command
  const child = spawn(program!, args, { signal, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new HeirloomError('internal', `${program} failed with ${code}: ${said.trim()}`)
}

/** How long a server of others may take to start. */
const startMs = 30_000
const pollMs = 20

/** A program of others that stays until it is disposed. */
export class Server implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #ended: Promise<unknown>

  private constructor(process: ChildProcess) {
    this.#process = process
    this.#ended = once(process, 'close').catch(() => {})
  }

  /** Starts it, and waits until somebody takes connections on its port of loopback. */
  static async start([program, ...args]: readonly string[], port: number, signal: AbortSignal): Promise<Server> {
    const child = spawn(program!, args, { signal, stdio: ['ignore', 'ignore', 'pipe'] })
    const server = new Server(child)
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)))
    const patience = AbortSignal.any([signal, AbortSignal.timeout(startMs)])
    while (!(await probeData({ host: '127.0.0.1', port }, systemClock, patience))) {
      if (patience.aborted || child.exitCode !== null) {
        await server[Symbol.asyncDispose]()
        throw new HeirloomError('internal', `${program} does not listen: ${said.trim()}`)
      }
      await delay(systemClock, pollMs, patience).catch(() => {})
    }
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill()
    await this.#ended
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
