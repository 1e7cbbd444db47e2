// A real memcached server, empty.

import { MemcachedServer, type MemcachedLink } from '../../peer/source/memcached/server.ts'
import { startOnSocket, type SocketServer } from './server-process.ts'

export interface MemcachedAnswer {
  readonly said: string
  readonly value: Buffer | undefined
  readonly flags: number
  /** In s; -1: for ever. */
  readonly leftS: number
}

export interface TestMemcached extends SocketServer {
  /** One meta command with the value that it may have; its answer, with the value if there is one. */
  ask(command: string, value?: Uint8Array | string): Promise<MemcachedAnswer>
  get(key: string): Promise<Buffer | undefined>
  stats(): Promise<ReadonlyMap<string, string>>
}

const never = new AbortController().signal

/** The key as a meta command has it, whatever is in it. */
export function metaKey(key: string): string {
  return Buffer.from(key).toString('base64')
}

export async function startMemcached(args: readonly string[] = []): Promise<TestMemcached> {
  const started = await startOnSocket({
    program: 'memcached',
    debianPackage: 'memcached',
    args: (path) => ['-s', path, '-u', 'root', ...args],
  })
  const { url, temp, process } = started
  const server = new MemcachedServer(url)
  const link = (): Promise<MemcachedLink> => server.link({ signal: never, patienceMs: 10_000 })
  const ask: TestMemcached['ask'] = async (command, value) => {
    const connection = await link()
    const commands = connection.batch()
    for (const line of value === undefined ? [command] : [command, value]) {
      const bytes = Buffer.from(line)
      commands.copy(bytes, 0, bytes.byteLength)
      commands.text('\r\n')
    }
    const answers = await connection.send(commands, { signal: never })
    const content = answers.isValue(0) ? Buffer.from(answers.buffer.subarray(answers.start(0), answers.end(0))) : undefined
    return { said: answers.said(0), value: content, flags: answers.flags(0), leftS: answers.leftS(0) }
  }
  return {
    url,
    temp,
    process,
    ask,
    get: async (key) => (await ask(`mg ${metaKey(key)} v b`)).value,
    stats: async () => (await link()).stats({ signal: never }),
    async [Symbol.asyncDispose]() {
      server[Symbol.dispose]()
      await started[Symbol.asyncDispose]()
    },
  }
}
