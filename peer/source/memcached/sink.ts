// A memcached server as a sink: `ms` in the mode of `add`, so that whatever the application has written on this machine stays. CAS numbers are the
// server's own and don't travel.

import { systemClock, type Clock } from '../../../src/clock.ts'
import { asHeirloomError } from '../../../src/errors.ts'
import { KeyedSink, type RecordBatch, type RecordFate, type RecordStore } from '../keyed/keyed-sink.ts'
import { isPassing, type PatientOptions } from '../keyed/patient-links.ts'
import { copyBytes } from '../keyed/records.ts'
import type { Sink, WaitOptions } from '../source.ts'
import { writtenKeyParts } from './item-key.ts'
import { isError, memcachedError, MemcachedServer, type MemcachedLink } from './server.ts'

export interface MemcachedSinkOptions {
  readonly name: string
  /** `memcached://host:port` or `unix:/path.sock`. */
  readonly url: string
  /** A folder of this sink's own. */
  readonly staging: string
  readonly patienceMs?: number | undefined
  readonly clock?: Clock
}

export function createMemcachedSink({ name, url, staging, patienceMs, clock = systemClock }: MemcachedSinkOptions): Sink {
  const store = new MemcachedRecordStore(new MemcachedServer(url), clock)
  return new KeyedSink({ name, kind: 'memcached', store, staging, patienceMs, clock })
}

const full = { refused: 'the server is full: it evicts what came before, which is worth more than this' } as const

/** Longer times are taken for points in time by the server. */
const relativeSMax = 60 * 60 * 24 * 30
/** A command beside its key and its value. */
const commandBytes = 64

class MemcachedRecordStore implements RecordStore {
  readonly #server: MemcachedServer
  readonly #clock: Clock
  /** Evictions that the server had counted before anything came. */
  #evictions: number | undefined
  #isFull = false

  constructor(server: MemcachedServer, clock: Clock) {
    this.#server = server
    this.#clock = clock
  }

  async restore(_database: number, batches: readonly RecordBatch[], options: PatientOptions): Promise<RecordFate[]> {
    // Adding leaves what is there as it is, so a batch that broke off may be sent again.
    for (let attempts = 2; ; attempts--) {
      try {
        const link = await this.#server.link(options)
        await this.#lookForRoom(link, options)
        return this.#isFull ? batches.flatMap(({ wanted }) => wanted.map(() => full)) : await this.#once(link, batches, options)
      } catch (thrown) {
        options.signal.throwIfAborted()
        if (attempts === 1 || !isPassing(asHeirloomError(thrown))) throw thrown
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server[Symbol.dispose]()
  }

  async #lookForRoom(link: MemcachedLink, options: WaitOptions): Promise<void> {
    const evictions = Number((await link.stats(options)).get('evictions') ?? 0)
    this.#evictions ??= evictions
    // A server that was started anew counts from 0.
    this.#isFull ||= evictions > this.#evictions
  }

  async #once(link: MemcachedLink, batches: readonly RecordBatch[], options: WaitOptions): Promise<RecordFate[]> {
    const { answers } = await link.send(this.#commands(batches), options)
    return answers.map((answer): RecordFate => {
      if (answer.said === 'HD') return 'restored'
      if (isError(answer)) return { refused: memcachedError(answer.said).message }
      return answer.said.startsWith('NS') ? 'kept' : { refused: `the server says: ${answer.said.slice(0, 200)}` }
    })
  }

  #commands(batches: readonly RecordBatch[]): Buffer {
    const nowMs = this.#clock.nowMs()
    const most = batches.reduce((sum, { records, values, wanted }) => {
      return sum + values.byteLength + 2 * records.attributes.byteLength + commandBytes * wanted.length
    }, commandBytes)
    const commands = Buffer.allocUnsafe(most)
    let at = 0
    for (const { records, values, wanted } of batches) {
      for (const index of wanted) {
        const [start, end] = [records.valueStarts[index]!, records.valueStarts[index + 1]!]
        const [key, flag] = writtenKeyParts(records.key(index))
        const expiry = expiryOf(records.expiresAtMs(index), nowMs)
        at += commands.write(`ms ${key} ${end - start} ME F${records.hotness(index)} T${expiry}${flag}\r\n`, at, 'latin1')
        at = copyBytes(values, start, end, commands, at)
        at += commands.write('\r\n', at, 'latin1')
      }
    }
    at += commands.write('mn\r\n', at, 'latin1')
    return commands.subarray(0, at)
  }
}

/** As the server has it: 0 is never. What ends within this second lives until the next. */
function expiryOf(expiresAtMs: number, nowMs: number): number {
  if (expiresAtMs === 0) return 0
  const leftS = Math.max(1, Math.ceil((expiresAtMs - nowMs) / 1000))
  return leftS <= relativeSMax ? leftS : Math.ceil(expiresAtMs / 1000)
}
