// A real Redis server, empty, with nothing kept on disk.

import { systemClock } from '../../src/clock.ts'
import type { Answers } from '../../peer/source/redis/answers.ts'
import { token } from '../../peer/source/redis/answers.ts'
import { Commands } from '../../peer/source/redis/commands.ts'
import { RedisServer, type RedisLink, type RedisServerOptions } from '../../peer/source/redis/server.ts'
import { startOnSocket, type SocketServer } from './server-process.ts'

export interface TestRedis extends SocketServer {
  /** One command of any words; answers its first token as bytes, text or number, undefined for nothing. Throws its error. */
  ask(words: readonly (string | number | Uint8Array)[], database?: number): Promise<Buffer | string | number | undefined>
  get(key: string | Uint8Array, database?: number): Promise<Buffer | undefined>
  /** Many keys at once. */
  fill(content: Iterable<readonly [string | Uint8Array, Uint8Array | string]>): Promise<void>
}

export interface TestRedisOptions {
  readonly args?: readonly string[]
  /** How the test itself logs in. */
  readonly login?: Partial<RedisServerOptions>
}

const never = new AbortController().signal

export async function startRedis({ args = [], login = {} }: TestRedisOptions = {}): Promise<TestRedis> {
  const started = await startOnSocket({
    program: 'redis-server',
    debianPackage: 'redis-server',
    args: (path, folder) => ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no', '--dir', folder, ...args],
  })
  const { url, temp, process } = started
  const server = new RedisServer({ url, ...login })
  const link = (database: number): Promise<RedisLink> => server.link(database, { signal: never, patienceMs: 10_000 })
  const ask: TestRedis['ask'] = async (words, database = 0) => {
    const commands = new Commands()
    commands.begin(words.length)
    for (const word of words) commands.raw(typeof word === 'object' ? word : Buffer.from(String(word)))
    return plain(await (await link(database)).send(commands, { signal: never }))
  }
  return {
    url,
    temp,
    process,
    ask,
    async get(key, database) {
      return (await ask(['GET', key], database)) as Buffer | undefined
    },
    async fill(content) {
      const commands = new Commands()
      for (const [key, value] of content) {
        commands.begin(3)
        commands.word('SET')
        for (const word of [key, value]) commands.raw(Buffer.from(word))
      }
      await (await link(0)).send(commands, { signal: never })
    },
    async [Symbol.asyncDispose]() {
      server[Symbol.dispose]()
      await started[Symbol.asyncDispose]()
    },
  }
}

function plain(answers: Answers): Buffer | string | number | undefined {
  const error = answers.errorAt(0)
  if (error !== undefined) throw new Error(error)
  if (answers.kind(0) === token.number) return answers.number(0)
  if (answers.kind(0) === token.bytes) return Buffer.from(answers.buffer.subarray(answers.start(0), answers.end(0)))
  return answers.kind(0) === token.text ? answers.text(0) : undefined
}

/** The wall time of the machine, which the servers go by as well. */
export const nowMs = (): number => systemClock.nowMs()
