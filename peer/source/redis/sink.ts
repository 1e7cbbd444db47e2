// A Redis or Valkey server as a sink. Keys have no versions there, so the one rule that never makes anything stale is that a key that is there stays.

import { asHeirloomError } from '../../../src/errors.ts'
import { systemClock, type Clock } from '../../../src/clock.ts'
import { restoresMax } from '../../../src/limits/handoff.ts'
import { KeyedSink, type RecordBatch, type RecordFate, type RecordStore } from '../keyed/keyed-sink.ts'
import { isPassing } from '../keyed/patient-links.ts'
import type { Sink, WaitOptions } from '../source.ts'
import { token, type Answers } from './answers.ts'
import { writeRecord } from './record-writer.ts'
import { fieldIn, redisError, RedisServer, type RedisServerOptions } from './server.ts'

export interface RedisSinkOptions extends RedisServerOptions {
  readonly name: string
  /** A folder of this sink's own. */
  readonly staging: string
  readonly patienceMs?: number | undefined
  readonly clock?: Clock
}

export function createRedisSink({ name, staging, patienceMs, clock = systemClock, ...server }: RedisSinkOptions): Sink {
  const store = new RedisRecordStore(new RedisServer(server), clock)
  return new KeyedSink({ name, kind: 'redis', store, staging, patienceMs, clock })
}

const full = { refused: 'the server is full: what came before is worth more than this, and would be evicted for it' } as const

class RedisRecordStore implements RecordStore {
  readonly #server: RedisServer
  readonly #clock: Clock
  /** The server evicts, or would: a restored key would cost one that is there. */
  #isFull = false

  constructor(server: RedisServer, clock: Clock) {
    this.#server = server
    this.#clock = clock
  }

  async restore(
    database: number,
    batches: readonly RecordBatch[],
    { signal, patienceMs }: WaitOptions & { readonly patienceMs: number },
  ): Promise<RecordFate[]> {
    if (this.#isFull) return batches.flatMap(({ wanted }) => wanted.map(() => full))
    // Every command leaves what is there as it is, so a batch that broke off may be sent again.
    for (let attempts = 2; ; attempts--) {
      try {
        return await this.#once(database, batches, { signal, patienceMs })
      } catch (thrown) {
        signal.throwIfAborted()
        if (attempts === 1 || !isPassing(asHeirloomError(thrown))) throw thrown
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server[Symbol.dispose]()
  }

  async #once(
    database: number,
    batches: readonly RecordBatch[],
    options: WaitOptions & { readonly patienceMs: number },
  ): Promise<RecordFate[]> {
    const link = await this.#server.link(database, options)
    const nowMs = this.#clock.nowMs()
    const commands = link.batch()
    for (const { records, values, wanted } of batches) for (const index of wanted) writeRecord(commands, records, index, values, nowMs)
    const { count, bytes } = commands
    commands.add('INFO', 'memory')
    const answers = await link.send(commands, options)
    const fates = Array.from({ length: count }, (_, index) => fateOf(answers, index))
    if (answers.kind(count) === token.bytes) this.#isFull = isFull(answers.text(count), bytes)
    link.recycle(answers)
    return fates
  }
}

function fateOf(answers: Answers, index: number): RecordFate {
  // SET … NX answers nothing where the key is there.
  if (answers.kind(index) === token.none) return 'kept'
  const error = answers.errorAt(index)
  if (error === undefined) return 'restored'
  if (error.startsWith('BUSYKEY')) return 'kept'
  const explained = redisError(error)
  if (explained.code === 'busy') throw explained
  return { refused: `${explained.message} (${explained.hint})` }
}

/**
 * Whether the batches of this size that are under way at a time may make the server evict, which also counts what it holds of them for
 * their sake. One that doesn't evict says itself that it is full.
 */
function isFull(info: string, batchBytes: number): boolean {
  const number = (name: string) => Number(fieldIn(info, name) ?? 0)
  const most = number('maxmemory')
  if (most === 0 || fieldIn(info, 'maxmemory_policy') === 'noeviction') return false
  return number('used_memory') - number('mem_not_counted_for_evict') + (restoresMax + 1) * batchBytes > most
}
