// The agent (`heirloom peer`) of one VM of a fleet as a real process, with a configuration file as an operator would write it.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { stringify } from 'yaml'
import type { Fleet } from './fleet.ts'
import type { Program, ProgramOptions } from './process.ts'

export interface AgentOptions extends ProgramOptions {
  readonly sources: readonly Readonly<Record<string, unknown>>[]
  readonly notices?: readonly Readonly<Record<string, unknown>>[]
  /** Loopback, unless told. */
  readonly listen?: readonly string[]
  readonly policy?: Readonly<Record<string, unknown>>
}

export interface TestAgent {
  readonly program: Program
  readonly socket: string
  /** Asks the local API. */
  ask(path: string): Promise<{ status: number; text: string }>
  /** Its receipt, as the local API tells it. */
  receipt(): Promise<Readonly<Record<string, unknown>>>
}

/** Starts an agent; it has linked up and waits as a successor when the relay says so. */
export async function startAgent(fleet: Fleet, name: string, options: AgentOptions): Promise<TestAgent> {
  const folder = join(fleet.folder, name)
  await mkdir(folder, { recursive: true })
  const socket = join(folder, 'peer.sock')
  const config = join(folder, 'peer.yaml')
  const { sources, notices = [{ kind: 'signal', deadline: '20s' }], policy = {}, listen = ['/ip4/127.0.0.1/tcp/0'] } = options
  await writeFile(
    config,
    stringify({
      pool: 'test',
      relays: [fleet.address],
      key: fleet.key,
      listen: [...listen],
      socket,
      state: join(folder, 'state'),
      await: 'always',
      notices: [...notices],
      sources: [...sources],
      policy: { reserve: '1s', ...policy },
    }),
  )
  const program = fleet.run(['peer/cli.ts', 'peer', '--config', config, '--json'], options)
  const ask = async (path: string) => {
    const dispatcher = new Agent({ connect: { socketPath: socket } })
    try {
      const { statusCode, body } = await request(`http://agent${path}`, { dispatcher })
      return { status: statusCode, text: await body.text() }
    } finally {
      await dispatcher.close()
    }
  }
  return {
    program,
    socket,
    ask,
    receipt: async () => JSON.parse((await ask('/v1/receipt')).text) as Readonly<Record<string, unknown>>,
  }
}
