// Real processes of one pool on loopback: a relay, and peers that send and receive. Every process is ended, by id, with its test.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Program, waitMs, type ProgramOptions } from './process.ts'

export interface FleetOptions {
  /** More keys for the relay's configuration, as YAML lines. */
  readonly relay?: string
  /** Where the relay listens; without it on loopback. */
  readonly host?: string
  /** What runs the relay, such as `ip netns exec NAME node`. */
  readonly relayRuntime?: ProgramOptions
  /** Runs before the relay opens its store, for tests of the disk below it. Answers what undoes it. */
  readonly prepareStore?: (directory: string) => Promise<AsyncDisposable>
}

/** A temporary folder with a pool key, a relay that serves it, and everything that is started on the way. */
export class Fleet implements AsyncDisposable {
  readonly folder: string
  readonly key: string
  /** The relay's address. */
  address = ''
  relay: Program | undefined
  readonly #programs: Program[] = []
  readonly #options: FleetOptions
  #store: AsyncDisposable | undefined

  private constructor(folder: string, options: FleetOptions) {
    this.folder = folder
    this.key = join(folder, 'pool.key')
    this.#options = options
  }

  static async start(options: FleetOptions = {}): Promise<Fleet> {
    const fleet = new Fleet(await mkdtemp(join(tmpdir(), 'heirloom-fleet-')), options)
    const { prepareStore } = options
    try {
      if (prepareStore !== undefined) fleet.#store = await prepareStore(await fleet.directory('store'))
      await fleet.keygen(fleet.key)
      await fleet.startRelay()
      return fleet
    } catch (thrown) {
      await fleet[Symbol.asyncDispose]()
      throw thrown
    }
  }

  async keygen(file: string): Promise<void> {
    const { code, stderr } = await this.run(['peer/cli.ts', 'keygen', '--pool', 'test', '--out', file, '--json']).end()
    if (code !== 0) throw new Error(stderr)
  }

  /** Starts the relay, or starts it again where it was: same store, same address. */
  async startRelay(): Promise<void> {
    const config = join(this.folder, 'relay.yaml')
    const { relay: yaml = '', host = '127.0.0.1', relayRuntime = {} } = this.#options
    const listen = this.address === '' ? `/ip4/${host}/tcp/0` : this.address.replace(/\/p2p\/.*/, '')
    await writeFile(config, `store: ${join(this.folder, 'store')}\nlisten: [${listen}]\npools: [${this.key}.pub]\n${yaml}\n`)
    this.relay = this.run(['relay/cli.ts', 'serve', '--config', config, '--json'], relayRuntime)
    const { addresses } = (await this.relay.row('listening')) as unknown as { addresses: string[] }
    this.address = addresses[0]!
  }

  run(args: readonly string[], options: ProgramOptions = {}): Program {
    const program = new Program(args, options)
    this.#programs.push(program)
    return program
  }

  send(directory: string, args: readonly string[] = [], options: ProgramOptions & { key?: string } = {}): Program {
    const common = ['--relay', this.address, '--key', options.key ?? this.key, '--directory', directory, '--json']
    return this.run(['peer/cli.ts', 'send', ...common, ...args], options)
  }

  receive(directory: string, args: readonly string[] = [], options: ProgramOptions & { key?: string } = {}): Program {
    const common = ['--relay', this.address, '--key', options.key ?? this.key, '--directory', directory, '--json']
    return this.run(['peer/cli.ts', 'receive', ...common, ...args], options)
  }

  /** Another relay of the same pool, with a store of its own. */
  async anotherRelay(name: string): Promise<{ program: Program; address: string }> {
    const config = join(this.folder, `${name}.yaml`)
    const { relay: yaml = '' } = this.#options
    const lines = [`store: ${join(this.folder, name)}`, 'listen: [/ip4/127.0.0.1/tcp/0]', `pools: [${this.key}.pub]`, yaml, '']
    await writeFile(config, lines.join('\n'))
    const program = this.run(['relay/cli.ts', 'serve', '--config', config, '--json'])
    const { addresses } = (await program.row('listening')) as unknown as { addresses: string[] }
    return { program, address: addresses[0]! }
  }

  /** Resolves when so many successors wait at the relay, or at this one. */
  async waiting(count: number, relay = this.relay!): Promise<void> {
    const { http } = (await relay.row('listening')) as unknown as { http: string }
    const deadline = AbortSignal.timeout(waitMs)
    for (;;) {
      const status = (await (await fetch(`${http}/v1/status`, { signal: deadline })).json()) as { waiting: number }
      if (status.waiting >= count) return
    }
  }

  /** A new folder below the fleet's. */
  async directory(name: string): Promise<string> {
    const path = join(this.folder, name)
    await mkdir(path, { recursive: true })
    return path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#programs.map((program) => program[Symbol.asyncDispose]()))
    await this.#store?.[Symbol.asyncDispose]()
    await rm(this.folder, { recursive: true, force: true })
  }
}
