// What every measurement stands on: a temporary folder, a pool's key, a relay, and the processes of both ends.
//
// Invariant: when a stage is disposed, its processes are gone and so is its folder.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { stringify } from 'yaml'
import { delay, systemClock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { Child } from '../demo/child.ts'
import { Children } from '../demo/children.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import type { EndPart } from './end-main.ts'
import type { MemoryEndExtras } from './memory-ends.ts'
import type { LinkEnd } from './shaped-link.ts'

const root = resolve(import.meta.dirname, '../..')

/** After this something hangs: 4 GiB on a slow disk, twice over. */
const patienceMs = 20 * 60 * 1000

/** How often the relay is asked whether a successor waits. */
const pollMs = 10

/** Where an end of a handoff from memory to memory is, and what it does there. */
export type MemoryEndWhere = Partial<LinkEnd> & {
  readonly content?: 'random' | 'json'
  readonly bytesPerSecondMax?: number
  readonly announcedPort?: number
}

/** As the configuration has them; without notices it waits for SIGTERM. */
export interface AgentOptions {
  readonly notices?: readonly object[]
  readonly policy?: object
}

export class Stage implements AsyncDisposable {
  readonly folder: string
  readonly keyFile: string
  readonly signal: AbortSignal
  readonly #children = new Children()
  readonly #near: Partial<LinkEnd>
  readonly #pools: readonly string[]
  #relay: { child: Child; address: string; http: string } | undefined

  private constructor(folder: string, signal: AbortSignal, near: Partial<LinkEnd>, pools: readonly string[]) {
    this.#near = near
    this.#pools = pools
    this.folder = folder
    this.keyFile = this.keyFileOf(pools[0]!)
    this.signal = AbortSignal.any([signal, this.#children.lost])
  }

  /** A folder below `parent` and a relay with an empty store in it, at one end of a link or on loopback. The first pool is everybody's. */
  static async open(
    parent: string,
    signal: AbortSignal,
    near: Partial<LinkEnd> = {},
    pools: readonly string[] = ['bench'],
  ): Promise<Stage> {
    const stage = new Stage(await mkdtemp(join(parent, 'heirloom-bench-')), signal, near, pools)
    try {
      await stage.#prepare()
      return stage
    } catch (thrown) {
      await stage[Symbol.asyncDispose]()
      throw thrown
    }
  }

  get relay(): { child: Child; address: string; http: string } {
    if (this.#relay === undefined) throw new HeirloomError('internal', 'the relay of the stage is not up')
    return this.#relay
  }

  keyFileOf(pool: string): string {
    return join(this.folder, `${pool}.key`)
  }

  /** A program of Heirloom, such as `bin/heirloom.js send …`. */
  program(name: string, command: readonly string[], prefix: readonly string[] = []): Child {
    return this.#children.start({ name, cwd: root, command, prefix })
  }

  /** A program of the machine that runs until the stage is over. */
  server(program: string, args: readonly string[]): Child {
    return this.#children.startLasting({ name: program, cwd: this.folder, program, command: args })
  }

  /** An end of a measurement, launched as Heirloom's programs are; the bare stream's as Node comes. */
  end(part: EndPart, prefix: readonly string[] = []): Child {
    const isBare = part.part === 'send-bare' || part.part === 'receive-bare'
    return this.program(part.part, [`scripts/bench/${isBare ? 'end-main.ts' : 'end.js'}`, JSON.stringify(part)], prefix)
  }

  /** One end of a handoff from memory to memory: on loopback, of random bytes and as fast as it goes, if nothing else is said. */
  memoryEnd(
    part: 'send' | 'receive',
    count: number,
    lane: LaneKind | readonly LaneKind[],
    how: MemoryEndWhere & MemoryEndExtras = {},
  ): Child {
    const { keyFile, folder, relay } = this
    const { prefix, host = '127.0.0.1', content = 'random', ...more } = how
    const end = {
      part,
      relay: relay.address,
      keyFile,
      lanes: typeof lane === 'string' ? [lane] : lane,
      count,
      journalDirectory: join(folder, 'journal'),
      host,
      content,
      ...more,
    }
    return this.end(end, prefix)
  }

  /** `heirloom send` or `heirloom receive` over one lane. */
  oneShot(command: 'send' | 'receive', directory: string, lane: 'fast' | 'stream' | 'store'): Child {
    const time = command === 'send' ? ['--deadline', '30m'] : ['--wait', '30m']
    const ends = ['--relay', this.relay.address, '--key', this.keyFile, '--directory', directory, '--lane', lane]
    return this.program(command, ['bin/heirloom.js', command, ...ends, ...time, '--json'])
  }

  /** An agent that guards a directory. */
  agent(name: string, directory: string, options?: AgentOptions): Promise<Child> {
    return this.agentOf(name, { name: 'files', kind: 'directory', path: directory }, options)
  }

  /** An agent that guards one source, as the configuration has it. */
  async agentOf(
    name: string,
    source: object,
    { notices = [{ kind: 'signal', deadline: '2m' }], policy }: AgentOptions = {},
  ): Promise<Child> {
    const file = join(this.folder, `${name}.yaml`)
    const config = {
      relays: [this.relay.address],
      key: this.keyFile,
      state: join(this.folder, `${name}-state`),
      socket: join(this.folder, `${name}.sock`),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      notices,
      sources: [source],
      ...(policy && { policy }),
    }
    await writeFile(file, stringify(config))
    return this.program(name, ['bin/heirloom.js', 'peer', '--config', file, '--json'])
  }

  /** A line of this event, with the stage's patience. */
  async line(child: Child, event: string): Promise<Record<string, unknown>> {
    return await child.first(event, { signal: this.signal, patienceMs })
  }

  async expectEnd(child: Child): Promise<void> {
    await child.expectEnd([0], { signal: this.signal, patienceMs })
  }

  /** Resolves when so many successors wait at the relay. */
  async waiting(count: number): Promise<void> {
    for (;;) {
      const answer = await fetch(`${this.relay.http}/v1/status`, { signal: this.signal })
      const { waiting } = (await answer.json()) as { waiting: number }
      if (waiting >= count) return
      await delay(systemClock, pollMs, this.signal)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#children[Symbol.asyncDispose]()
    await rm(this.folder, { recursive: true, force: true })
  }

  async #prepare(): Promise<void> {
    for (const pool of this.#pools)
      await this.expectEnd(this.program('keygen', ['bin/heirloom.js', 'keygen', '--pool', pool, '--out', this.keyFileOf(pool)]))
    const places = ['--store', join(this.folder, 'store'), '--pool', ...this.#pools.map((pool) => `${this.keyFileOf(pool)}.pub`)]
    const { host = '127.0.0.1', prefix = [] } = this.#near
    const ports = ['--listen', `/ip4/${host}/tcp/0`, '--http', '127.0.0.1:0']
    const command = ['bin/heirloom-relay.js', 'serve', '--json', ...places, ...ports]
    const child = this.#children.startLasting({ name: 'the relay', cwd: root, command, prefix })
    const { addresses, http } = await this.line(child, 'listening')
    this.#relay = { child, address: (addresses as string[])[0]!, http: String(http) }
  }
}
