// Brings the blocks of a predecessor's buffers into those of a server that has a physical copy of its data (pg_prewarm). What comes from another
// cluster is refused: its block numbers mean nothing here. It goes on beside the rest of the restore, which mustn't wait for it, and is over when
// the sink is finished. No more is brought in than there are free buffers: it would push out what is used already.

import { HeirloomError } from '../../../src/errors.ts'
import { hintBytesMax, hintDrainMs, prewarmTimeoutMs } from '../../../src/limits/source.ts'
import { systemClock } from '../../../src/clock.ts'
import { Deadline } from '../../../src/deadline.ts'
import { createChunkSink, wholeBytes, type ChunkTarget, type Put, type WholeChunk } from '../chunk-sink.ts'
import type { Sink, SinkEnd, WaitOptions } from '../source.ts'
import { misfitOf, readCluster, type Cluster } from './cluster.ts'
import { blocksOf, parseHint, type RelationHint } from './hint.ts'
import { Psql, type PsqlOptions } from './psql.ts'

export interface PostgresqlSinkOptions extends PsqlOptions {
  readonly name: string
  readonly staging: string
}

export function createPostgresqlSink(options: PostgresqlSinkOptions): Sink {
  return postgresqlSinkFor(new PostgresqlTarget(options), options)
}

export function postgresqlSinkFor(target: PostgresqlTarget, { name, staging }: PostgresqlSinkOptions): Sink {
  return createChunkSink({ name, kind: 'postgresql', target, staging, putsMax: 1 })
}

interface Server {
  readonly cluster: Cluster
  /** Buffers that hold nothing yet, less what was promised to relations. */
  free: number
  /** By oid. */
  readonly databases: ReadonlyMap<number, string>
}

const freeSql = `SELECT CASE WHEN to_regclass('pg_buffercache') IS NULL THEN (SELECT setting FROM pg_settings WHERE name = 'shared_buffers') END;`
const countSql = `SELECT count(*) FROM pg_buffercache WHERE relfilenode IS NULL;`
const databasesSql = 'SELECT oid, datname FROM pg_database WHERE datallowconn;'
const extensionSql = `SELECT count(*) FROM pg_extension WHERE extname = 'pg_prewarm';`

export class PostgresqlTarget implements ChunkTarget {
  readonly #psql: Psql
  readonly #over = new AbortController()
  #server: Server | undefined
  /** By database: whether blocks can be brought in there. */
  readonly #canWarm = new Map<string, boolean>()
  #queue: { readonly database: string; readonly hint: RelationHint }[] = []
  #working: Promise<void> = Promise.resolve()

  constructor(options: PsqlOptions) {
    this.#psql = new Psql(options)
  }

  /** A server that isn't up yet is asked again at the end. */
  async put(chunk: WholeChunk, { signal }: WaitOptions): Promise<Put> {
    const bytes = await wholeBytes(chunk, hintBytesMax)
    if (bytes === undefined) return { refused: `more than ${hintBytesMax} bytes of ranges` }
    const hint = parseHint(Buffer.from(bytes).toString('utf8'))
    if ('refused' in hint) return hint
    const server = await this.#reach(signal)
    if (server === undefined) return 'later'
    const misfit = misfitOf(server.cluster, hint)
    if (misfit !== undefined) return { refused: misfit }
    const database = server.databases.get(hint.database)
    if (database === undefined) return { refused: `there is no database with the oid ${hint.database} here` }
    if (!(await this.#hasExtension(database, signal))) return { refused: `CREATE EXTENSION pg_prewarm is missing in database ${database}` }
    const blocks = blocksOf(hint)
    if (blocks > server.free) return { refused: 'no free buffers are left for it' }
    server.free -= blocks
    this.#queue.push({ database, hint })
    if (this.#queue.length === 1) this.#working = this.#working.then(() => this.#work())
    return 'restored'
  }

  async finish(_end: SinkEnd, { signal }: WaitOptions): Promise<void> {
    const onAbort = () => this.#over.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    await this.idle().finally(() => signal.removeEventListener('abort', onAbort))
    signal.throwIfAborted()
  }

  /** Resolves when all that was put is in the buffers. */
  async idle(): Promise<void> {
    await this.#working
  }

  /** What was taken is finished, unless that takes too long for a process that ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    using patience = Deadline.after(systemClock, hintDrainMs).signal()
    const over = new Promise((resolve) => patience.signal.addEventListener('abort', resolve, { once: true }))
    await Promise.race([this.idle(), over])
    this.#over.abort(new HeirloomError('aborted', 'nothing more is brought in'))
    await this.idle()
  }

  /** Undefined while it can't be reached. */
  async #reach(signal: AbortSignal): Promise<Server | undefined> {
    try {
      this.#server ??= await this.#ask(signal)
    } catch {
      signal.throwIfAborted()
    }
    return this.#server
  }

  async #ask(signal: AbortSignal): Promise<Server> {
    const cluster = await readCluster(this.#psql, signal)
    const [[all] = []] = await this.#psql.rows({ sql: freeSql, signal })
    const [[free = all] = []] = all === undefined ? await this.#psql.rows({ sql: countSql, signal }) : [[]]
    const rows = await this.#psql.rows({ sql: databasesSql, signal })
    return { cluster, free: Number(free), databases: new Map(rows.map(([oid, ...name]) => [Number(oid), name.join('\t')])) }
  }

  async #hasExtension(database: string, signal: AbortSignal): Promise<boolean> {
    const known = this.#canWarm.get(database)
    if (known !== undefined) return known
    const [[count] = []] = await this.#psql.rows({ sql: extensionSql, database, signal })
    this.#canWarm.set(database, count === '1')
    return count === '1'
  }

  /** One client for all that waits for the same database. */
  async #work(): Promise<void> {
    while (this.#queue.length > 0 && !this.#over.signal.aborted) {
      const { database } = this.#queue[0]!
      const sql = this.#queue.filter((waiting) => waiting.database === database).map(({ hint }) => warmSql(hint))
      this.#queue = this.#queue.filter((waiting) => waiting.database !== database)
      // What can't be brought in after all stays cold, and that is all.
      await this.#psql
        .rows({ sql: sql.join('\n'), database, goOn: true, timeoutMs: prewarmTimeoutMs, signal: this.#over.signal })
        .catch(() => {})
    }
  }
}

/** Brings in a relation's ranges as far as it is that long here; one that was dropped or rewritten since the copy has none. */
function warmSql({ tablespace, filenode, ranges, blockBytes }: RelationHint): string {
  const values = ranges.map(([fork, first, count]) => `(${fork},${first},${count})`).join(',')
  return `SELECT sum(pg_prewarm(relation, 'buffer', fork, first, least(first + count, blocks) - 1)) FROM (
  SELECT relation, name AS fork, first::bigint, count::bigint, pg_relation_size(relation, name) / ${blockBytes} AS blocks
  FROM (VALUES ${values}) AS ranges (number, first, count)
  JOIN (VALUES (0, 'main'), (1, 'fsm'), (2, 'vm'), (3, 'init')) AS forks (number, name) USING (number),
  pg_filenode_relation(${tablespace}, ${filenode}) AS relation WHERE relation IS NOT NULL) AS blocks
WHERE first < blocks;`
}
