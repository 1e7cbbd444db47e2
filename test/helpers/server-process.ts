// A real server from Debian's packages, on a socket in a temporary folder or on a free port of the loopback. It is ended by its id, with its owner.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type NetConnectOpts } from 'node:net'
import { waitMs } from './process.ts'
import { makeTemp, type TempDirectory } from './temp.ts'

const stderrCharsMax = 4000

export interface ServerCommand {
  readonly program: string
  /** The Debian package that it is in. */
  readonly debianPackage: string
  readonly args: readonly string[]
  /** Where it listens when it is up. */
  readonly listensAt: NetConnectOpts
}

export class ServerProcess implements AsyncDisposable {
  readonly #command: ServerCommand
  #child: ChildProcess | undefined

  constructor(command: ServerCommand) {
    this.#command = command
  }

  /** Starts it, or starts it again; resolves when it takes connections. */
  async start(): Promise<void> {
    const { program, args, debianPackage, listensAt } = this.#command
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-stderrCharsMax)))
    const failed = new Promise<never>((_, reject) => {
      child.once('error', () => reject(new Error(`${program} isn't installed: apt-get install ${debianPackage}`)))
      child.once('exit', () => reject(new Error(`${program} ended: ${said}`)))
    })
    failed.catch(() => {})
    const deadline = AbortSignal.timeout(waitMs)
    while (!(await Promise.race([accepts(listensAt), failed]))) deadline.throwIfAborted()
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(name)
  }

  /** Ends it at once. */
  async stop(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/** A server on a socket of its own. */
export interface SocketServer extends AsyncDisposable {
  readonly url: string
  readonly temp: TempDirectory
  readonly process: ServerProcess
}

export interface SocketServerOptions extends Pick<ServerCommand, 'program' | 'debianPackage'> {
  /** `folder` is a temporary one, which goes with the server. */
  readonly args: (path: string, folder: string) => readonly string[]
}

export async function startOnSocket({ program, debianPackage, args }: SocketServerOptions): Promise<SocketServer> {
  const temp = await makeTemp()
  const path = temp.at(`${program}.sock`)
  const process = new ServerProcess({ program, debianPackage, args: args(path, temp.path), listensAt: { path } })
  try {
    await process.start()
  } catch (thrown) {
    await temp[Symbol.asyncDispose]()
    throw thrown
  }
  return {
    url: `unix:${path}`,
    temp,
    process,
    async [Symbol.asyncDispose]() {
      await process[Symbol.asyncDispose]()
      await temp[Symbol.asyncDispose]()
    },
  }
}

function accepts(target: NetConnectOpts): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(target)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => setImmediate(resolve, false))
  })
}

/** A port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
