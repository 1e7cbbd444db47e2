// A Redis server for a measurement, and what is done to it: filled, read, made a replica.

import { randomBytes } from 'node:crypto'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Commands } from '../../peer/source/redis/commands.ts'
import { fieldIn, RedisServer } from '../../peer/source/redis/server.ts'
import { delay, systemClock } from '../../src/clock.ts'
import type { Stage } from './stage.ts'
import { keyOf, valueBytesOf } from './zipf.ts'

const batch = 1000
const mebibyte = 1024 * 1024
const patienceMs = 30_000
const pollMs = 10

export class BenchRedis implements Disposable {
  readonly url: string
  readonly #port: number
  readonly #server: RedisServer
  readonly #signal: AbortSignal

  private constructor(port: number, signal: AbortSignal) {
    this.url = `redis://127.0.0.1:${port}`
    this.#port = port
    this.#server = new RedisServer({ url: this.url })
    this.#signal = signal
  }

  /** Nothing is kept on disk; a replica is served at once and not after Redis' usual pause of 5 s. */
  static async start(stage: Stage): Promise<BenchRedis> {
    const port = await freePort()
    const folder = join(stage.folder, `redis-${port}`)
    await mkdir(folder)
    const memory = ['--maxmemory', '8gb', '--maxmemory-policy', 'allkeys-lfu']
    const kept = ['--save', '', '--appendonly', 'no', '--dir', folder, '--logfile', join(folder, 'log'), '--repl-diskless-sync-delay', '0']
    stage.server('redis-server', ['--port', String(port), '--bind', '127.0.0.1', ...memory, ...kept])
    const redis = new BenchRedis(port, stage.signal)
    await redis.ask('PING')
    return redis
  }

  async ask(...words: readonly (string | number)[]) {
    const link = await this.#server.link(0, { signal: this.#signal, patienceMs })
    return link.ask(words, { signal: this.#signal })
  }

  /** Random bytes, which nothing compresses. */
  async fill(count: number): Promise<void> {
    const content = randomBytes(mebibyte)
    await this.#inBatches(count, 'SET', (commands, index) => {
      commands.raw(Buffer.from(keyOf(index)))
      const start = (index * 7919) % (mebibyte - 1000)
      commands.raw(content, start, start + valueBytesOf(index))
    })
  }

  /** Reads keys as a load would, as far as their hotness goes. */
  async touch(count: number, draw: () => string): Promise<void> {
    await this.#inBatches(count, 'TOUCH', (commands) => commands.word(draw()))
  }

  /** How many of these keys are there. */
  async present(keys: readonly string[]): Promise<number> {
    return (await this.ask('EXISTS', ...keys)).number(0)
  }

  /** One full synchronisation from another server; answers how long it took. It is empty again afterwards. */
  async synchronise(from: BenchRedis): Promise<number> {
    const startedMs = performance.now()
    await this.ask('REPLICAOF', '127.0.0.1', from.#port)
    while (fieldIn((await this.ask('INFO', 'replication')).text(0), 'master_link_status') !== 'up')
      await delay(systemClock, pollMs, this.#signal)
    const tookMs = performance.now() - startedMs
    await this.ask('REPLICAOF', 'NO', 'ONE')
    await this.ask('FLUSHALL')
    return tookMs
  }

  [Symbol.dispose](): void {
    this.#server[Symbol.dispose]()
  }

  async #inBatches(count: number, command: string, write: (commands: Commands, index: number) => void): Promise<void> {
    const words = command === 'SET' ? 3 : 2
    const link = await this.#server.link(0, { signal: this.#signal, patienceMs })
    for (let from = 0; from < count; from += batch) {
      const commands = new Commands(mebibyte)
      for (let index = from; index < Math.min(count, from + batch); index++) {
        commands.begin(words)
        commands.word(command)
        write(commands, index)
      }
      link.recycle(await link.send(commands, { signal: this.#signal }))
    }
  }
}

/** A port of the loopback that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
