// A memcached server: where it is, what it says of itself, and its errors in our words.

import { HeirloomError } from '../../../src/errors.ts'
import { groupsAskedMax } from '../../../src/limits/keyed.ts'
import { KiB, MiB } from '../../../src/limits/size.ts'
import { ByteWriter } from '../keyed/byte-writer.ts'
import { PatientLinks, type PatientOptions } from '../keyed/patient-links.ts'
import { PipelineSocket, type ServerAddress } from '../keyed/pipeline-socket.ts'
import type { WaitOptions } from '../source.ts'
import { LinesAnswer, type Line } from './lines.ts'
import { MetaAnswers } from './meta-answers.ts'

const defaultPort = 11211
const batchBytes = 128 * KiB
/** Larger buffers are not kept. */
const spareBytesMax = 2 * MiB

/** A connection. Its buffers are used again: garbage of this size would cost more than all else that is done here. */
export class MemcachedLink implements Disposable {
  readonly #socket: PipelineSocket
  readonly #spareCommands: ByteWriter[] = []
  readonly #spareAnswers: MetaAnswers[] = []

  constructor(socket: PipelineSocket) {
    this.#socket = socket
  }

  get isOpen(): boolean {
    return this.#socket.isOpen
  }

  /** An empty batch of meta commands. */
  batch(): ByteWriter {
    const commands = this.#spareCommands.pop() ?? new ByteWriter(batchBytes)
    commands.renew()
    return commands
  }

  /** Sends a batch, which is not the caller's any more; resolves with the answers to all of it. Give them to `recycle` when they were used. */
  async send(commands: ByteWriter, options: WaitOptions): Promise<MetaAnswers> {
    commands.text('mn\r\n')
    const answers = await this.#socket.send(commands.take(), this.#spareAnswers.pop()?.renew() ?? new MetaAnswers(), options)
    // Whoever has answered has read all of it.
    if (commands.room <= spareBytesMax && this.#spareCommands.length < groupsAskedMax) this.#spareCommands.push(commands)
    return answers
  }

  recycle(answers: MetaAnswers): void {
    if (answers.buffer.byteLength <= spareBytesMax && this.#spareAnswers.length < groupsAskedMax) this.#spareAnswers.push(answers)
  }

  /** A command that is answered in lines. Throws the server's error. */
  async lines(command: string, onLine: (line: Line) => void, options: WaitOptions): Promise<void> {
    const { error } = await this.#socket.send(Buffer.from(`${command}\r\n`), new LinesAnswer(onLine), options)
    if (error !== undefined) throw memcachedError(error)
  }

  async stats(options: WaitOptions): Promise<ReadonlyMap<string, string>> {
    const stats = new Map<string, string>()
    const take = ({ bytes, start, end }: Line) => {
      const [, name = '', value = ''] = bytes.toString('latin1', start, end).split(' ')
      stats.set(name, value)
    }
    await this.lines('stats', take, options)
    return stats
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }
}

export class MemcachedServer implements Disposable {
  readonly #links: PatientLinks<MemcachedLink>

  /** `memcached://host:port` or `unix:/path.sock`. */
  constructor(url: string) {
    this.#links = new PatientLinks(async (_, signal) => {
      const link = new MemcachedLink(await PipelineSocket.open(addressOf(url), { signal }))
      // What is no memcached says so here.
      await link.stats({ signal }).catch((thrown: unknown) => {
        link[Symbol.dispose]()
        throw thrown
      })
      return link
    })
  }

  /** Throws `source-failed` when nobody answers there. */
  link(options: PatientOptions): Promise<MemcachedLink> {
    return this.#links.link(0, options)
  }

  [Symbol.dispose](): void {
    this.#links[Symbol.dispose]()
  }
}

/** An error as the server tells it. */
export function memcachedError(said: string): HeirloomError {
  const message = `the server says: ${said.slice(0, 200)}`
  if (said.startsWith('BUSY')) return new HeirloomError('busy', message, { hint: 'another program has it list its keys' })
  if (said.startsWith('SERVER_ERROR')) return new HeirloomError('source-failed', message, { hint: 'see the log of the server' })
  return new HeirloomError('unsupported', message, { hint: 'memcached 1.6 or later is needed, with lru_crawler and without a password' })
}

/** What is no answer to a meta command. */
export function isError(said: string): boolean {
  return /^(ERROR|CLIENT_ERROR|SERVER_ERROR|BUSY)/.test(said)
}

function addressOf(url: string): ServerAddress {
  if (url.startsWith('unix:')) return { name: url, path: url.slice('unix:'.length) }
  const { hostname, port } = new URL(url)
  return { name: url, host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? defaultPort : Number(port) }
}
