// A Redis or Valkey server: where it is, how one logs in, what it says of itself, and its errors in our words.

import { readFile } from 'node:fs/promises'
import { HeirloomError } from '../../../src/errors.ts'
import { groupsAskedMax, passwordFileBytesMax } from '../../../src/limits/keyed.ts'
import { KiB, MiB } from '../../../src/limits/size.ts'
import { PatientLinks, type PatientOptions } from '../keyed/patient-links.ts'
import { PipelineSocket, type ServerAddress } from '../keyed/pipeline-socket.ts'
import type { WaitOptions } from '../source.ts'
import { Answers } from './answers.ts'
import { Commands } from './commands.ts'

const defaultPort = 6379
const batchBytes = 128 * KiB
/** Larger buffers are not kept. */
const spareBytesMax = 2 * MiB

export interface RedisServerOptions {
  /** `redis://host:port`, `rediss://host:port` for TLS, or `unix:/path.sock`. */
  readonly url: string
  readonly user?: string | undefined
  readonly passwordFile?: string | undefined
  readonly caFile?: string | undefined
}

/** What a server says of itself (INFO). */
export interface RedisFacts {
  readonly version: string
  readonly policy: string
  readonly isReplica: boolean
  /** Those that have keys. */
  readonly databases: readonly { readonly database: number; readonly keys: number; readonly expires: number }[]
}

/** A connection with one database selected. Its buffers are used again: garbage of this size would cost more than all else that is done here. */
export class RedisLink implements Disposable {
  readonly #socket: PipelineSocket
  readonly #spareCommands: Commands[] = []
  readonly #spareAnswers: Answers[] = []

  constructor(socket: PipelineSocket) {
    this.#socket = socket
  }

  get isOpen(): boolean {
    return this.#socket.isOpen
  }

  /** An empty batch. */
  batch(): Commands {
    return this.#spareCommands.pop()?.renew() ?? new Commands(batchBytes)
  }

  /** Sends a batch, which is not the caller's any more; resolves with the answers to all of it. Give them to `recycle` when they were used. */
  async send(commands: Commands, options: WaitOptions): Promise<Answers> {
    const { count } = commands
    const answers = this.#spareAnswers.pop()?.renew(count) ?? new Answers(count, Buffer.allocUnsafe(batchBytes))
    await this.#socket.send(commands.take(), answers, options)
    // Whoever has answered has read all of it.
    if (commands.room <= spareBytesMax && this.#spareCommands.length < groupsAskedMax) this.#spareCommands.push(commands)
    return answers
  }

  /** One command. Throws its error. */
  async ask(words: readonly (string | number)[], options: WaitOptions): Promise<Answers> {
    const answers = await this.send(this.batch().add(...words), options)
    const error = answers.errorAt(0)
    if (error !== undefined) throw redisError(error)
    return answers
  }

  recycle(answers: Answers): void {
    if (answers.buffer.byteLength <= spareBytesMax && this.#spareAnswers.length < groupsAskedMax) this.#spareAnswers.push(answers)
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }
}

export class RedisServer implements Disposable {
  readonly #options: RedisServerOptions
  readonly #links = new PatientLinks<RedisLink>((database, signal) => this.#open(database, signal))

  constructor(options: RedisServerOptions) {
    this.#options = options
  }

  /** The database that the url names, if it names one. */
  get database(): number | undefined {
    return databaseIn(this.#options.url)
  }

  /**
   * The connection for a database. Throws `source-failed` when nobody answers, `busy` when the server still loads its data, `config` when it
   * refuses us, `unsupported` for what we can't work with.
   */
  link(database: number, options: PatientOptions): Promise<RedisLink> {
    return this.#links.link(database, options)
  }

  async facts(options: WaitOptions): Promise<RedisFacts> {
    const link = await this.link(this.database ?? 0, options)
    const answers = await link.ask(['INFO'], options)
    return factsIn(answers.text(0))
  }

  [Symbol.dispose](): void {
    this.#links[Symbol.dispose]()
  }

  async #open(database: number, signal: AbortSignal): Promise<RedisLink> {
    const { user, passwordFile, url } = this.#options
    const address = await addressOf(this.#options)
    const link = new RedisLink(await PipelineSocket.open(address, { signal }))
    try {
      if (passwordFile !== undefined) {
        const password = await readPassword(passwordFile)
        const login = link.batch()
        login.begin(user === undefined ? 2 : 3)
        login.word('AUTH')
        if (user !== undefined) login.raw(Buffer.from(user))
        login.raw(password)
        const error = (await link.send(login, { signal })).errorAt(0)
        if (error !== undefined) throw redisError(error)
      }
      const facts = (await link.ask(['INFO'], { signal })).text(0)
      if (fieldIn(facts, 'cluster_enabled') === '1')
        throw new HeirloomError('unsupported', `${url} is a node of a Redis cluster, which Heirloom can't hand over`, {
          hint: "a successor's slots differ from its predecessor's: let the cluster's own replicas take over",
        })
      if (fieldIn(facts, 'loading') === '1') throw redisError('LOADING Redis is loading the dataset in memory')
      if (database !== 0) await link.ask(['SELECT', database], { signal })
      return link
    } catch (thrown) {
      link[Symbol.dispose]()
      throw thrown
    }
  }
}

export function factsIn(info: string): RedisFacts {
  const databases = [...info.matchAll(/^db(\d+):keys=(\d+),expires=(\d+)/gm)].map(([, database, keys, expires]) => ({
    database: Number(database),
    keys: Number(keys),
    expires: Number(expires),
  }))
  return {
    version: fieldIn(info, 'valkey_version') ?? fieldIn(info, 'redis_version') ?? 'of an unknown version',
    policy: fieldIn(info, 'maxmemory_policy') ?? 'noeviction',
    isReplica: fieldIn(info, 'role') === 'slave',
    databases,
  }
}

/** A field of INFO. */
export function fieldIn(info: string, name: string): string | undefined {
  const at = info.startsWith(`${name}:`) ? 0 : info.indexOf(`\n${name}:`) + 1
  if (at === 0 && !info.startsWith(`${name}:`)) return undefined
  const start = at + name.length + 1
  const end = info.indexOf('\r', start)
  return info.slice(start, end < 0 ? undefined : end)
}

const hints: Readonly<Record<string, readonly ['config' | 'busy' | 'unsupported' | 'no-space', string]>> = {
  NOAUTH: ['config', 'give password_file, and user where the server has users'],
  WRONGPASS: ['config', 'correct password_file and user'],
  NOPERM: ['config', "give this user the commands that the README's section on sources lists, and all keys"],
  LOADING: ['busy', 'it is still loading its data'],
  MASTERDOWN: ['busy', "this replica has lost its master and doesn't serve what it has"],
  BUSY: ['busy', 'a script is running there'],
  MOVED: ['unsupported', 'this is a node of a cluster'],
  CLUSTERDOWN: ['unsupported', 'this is a node of a cluster'],
  READONLY: ['unsupported', 'this is a replica: give the url of a server that takes writes'],
  OOM: ['no-space', 'its maxmemory is reached'],
}

/** An error as the server tells it: its first word is a code. */
export function redisError(text: string): HeirloomError {
  const [word = ''] = text.split(' ', 1)
  const [code, hint] = hints[word] ?? (['source-failed', 'see the log of the server'] as const)
  return new HeirloomError(code, `the server says: ${text.slice(0, 200)}`, { hint })
}

async function readPassword(file: string): Promise<Buffer> {
  const wrong = (cause?: unknown) =>
    new HeirloomError('config', `${file} can't be read as a password`, { hint: 'one line, nothing else', cause })
  const bytes = await readFile(file).catch((thrown: unknown) => {
    throw wrong(thrown)
  })
  if (bytes.byteLength === 0 || bytes.byteLength > passwordFileBytesMax) throw wrong()
  let end = bytes.byteLength
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--
  return bytes.subarray(0, end)
}

async function addressOf({ url, caFile }: RedisServerOptions): Promise<ServerAddress> {
  if (url.startsWith('unix:')) return { name: url, path: url.slice('unix:'.length) }
  const { hostname, port, protocol } = new URL(url)
  const place = { name: url, host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? defaultPort : Number(port) }
  if (protocol !== 'rediss:') return place
  if (caFile === undefined) return { ...place, tls: { ca: undefined } }
  const ca = await readFile(caFile, 'utf8').catch((thrown: unknown) => {
    throw new HeirloomError('config', `${caFile} can't be read`, { hint: 'correct ca_file', cause: thrown })
  })
  return { ...place, tls: { ca } }
}

function databaseIn(url: string): number | undefined {
  const [, digits] = /^rediss?:\/\/[^/]*\/(\d+)$/.exec(url) ?? []
  return digits === undefined ? undefined : Number(digits)
}
