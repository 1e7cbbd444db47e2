// A memcached server as a sink: `ms` in the mode of `add`, so that whatever the application has written on this machine stays. CAS numbers are the
// server's own and don't travel.

import { systemClock, type Clock } from '../../../src/clock.ts'
import { asHeirloomError } from '../../../src/errors.ts'
import { MiB } from '../../../src/limits/size.ts'
import type { ByteWriter } from '../keyed/byte-writer.ts'
import { KeyedSink, type RecordBatch, type RecordFate, type RecordStore } from '../keyed/keyed-sink.ts'
import { isPassing, type PatientOptions } from '../keyed/patient-links.ts'
import type { Sink, WaitOptions } from '../source.ts'
import { writeKey } from './item-key.ts'
import type { MetaAnswers } from './meta-answers.ts'
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

/** How much is sent before it is looked again whether the server evicts: the answer is longer than those to a pack. */
const lookEveryBytes = MiB

const full = { refused: 'the server is full: it evicts what came before, which is worth more than this' } as const

/** Longer times are taken for points in time by the server. */
const relativeSMax = 60 * 60 * 24 * 30

class MemcachedRecordStore implements RecordStore {
  readonly #server: MemcachedServer
  readonly #clock: Clock
  /** Evictions that the server had counted before anything came. */
  #evictions: number | undefined
  #isFull = false
  /** What was sent since that was looked at. */
  #unseenBytes = 0

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
    if (this.#evictions !== undefined && this.#unseenBytes < lookEveryBytes) return
    this.#unseenBytes = 0
    const evictions = Number((await link.stats(options)).get('evictions') ?? 0)
    this.#evictions ??= evictions
    // A server that was started anew counts from 0.
    this.#isFull ||= evictions > this.#evictions
  }

  async #once(link: MemcachedLink, batches: readonly RecordBatch[], options: WaitOptions): Promise<RecordFate[]> {
    const commands = this.#write(link.batch(), batches)
    this.#unseenBytes += commands.bytes
    const answers = await link.send(commands, options)
    const fates = Array.from({ length: answers.count }, (_, index) => fateOf(answers, index))
    link.recycle(answers)
    return fates
  }

  #write(commands: ByteWriter, batches: readonly RecordBatch[]): ByteWriter {
    const nowMs = this.#clock.nowMs()
    for (const { records, values, wanted } of batches) {
      for (const index of wanted) {
        const [start, end] = [records.valueStarts[index]!, records.valueStarts[index + 1]!]
        commands.text('ms ')
        const flag = writeKey(commands, records.attributes, records.keyStarts[index]!, records.keyStarts[index + 1]!)
        commands.text(' ')
        commands.number(end - start)
        commands.text(' ME F')
        commands.number(records.hotness(index))
        commands.text(' T')
        commands.number(expiryOf(records.expiresAtMs(index), nowMs))
        commands.text(`${flag}\r\n`)
        commands.copy(values, start, end)
        commands.text('\r\n')
      }
    }
    return commands
  }
}

function fateOf(answers: MetaAnswers, index: number): RecordFate {
  if (answers.isStored(index)) return 'restored'
  const said = answers.said(index)
  if (isError(said)) return { refused: memcachedError(said).message }
  return said.startsWith('NS') ? 'kept' : { refused: `the server says: ${said.slice(0, 200)}` }
}

/** As the server has it: 0 is never. What ends within this second lives until the next. */
function expiryOf(expiresAtMs: number, nowMs: number): number {
  if (expiresAtMs === 0) return 0
  const leftS = Math.max(1, Math.ceil((expiresAtMs - nowMs) / 1000))
  return leftS <= relativeSMax ? leftS : Math.ceil(expiresAtMs / 1000)
}
