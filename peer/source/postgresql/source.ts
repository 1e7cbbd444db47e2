// PostgreSQL's buffers as a source: which blocks of which relation are in them, a chunk of metadata a relation, the most used first. It is asked by SQL
// (pg_buffercache) and not taken from autoprewarm's file, which is up to five minutes old, belongs to the server's user, and doesn't say how
// often a block is used. The data itself isn't sent: the successor has a physical copy of it.

import type { Chunk, ChunkPart, LeftOut } from '../../../src/chunk/chunk.ts'
import { HeirloomError } from '../../../src/errors.ts'
import { bufferExtentsMax, hintRangesMax, hintsBytesMax } from '../../../src/limits/source.ts'
import type { InventoryQuery, Source, WaitOptions } from '../source.ts'
import { readCluster, type Cluster } from './cluster.ts'
import { blocksOf, hintId, joinRanges, type BlockRange, type RelationHint } from './hint.ts'
import { Psql, type PsqlOptions } from './psql.ts'

export interface PostgresqlSourceOptions extends PsqlOptions {
  readonly name: string
  readonly onWarning?: ((message: string) => void) | undefined
  /** As bufferExtentsMax. */
  readonly extentsMax?: number
}

export function createPostgresqlSource(options: PostgresqlSourceOptions): Source {
  return new PostgresqlSource(options)
}

/** What the server's clock of uses counts up to. */
const usageMax = 5

/** Relations that users made: what is below belongs to the catalogues, which any connection brings in by itself. */
const firstUserOid = 16384

const buffered = `FROM pg_buffercache WHERE relfilenode >= ${firstUserOid} AND reldatabase <> 0`

const countSql = `SELECT count(*) ${buffered};`

/** Runs of extents that are in the buffers, each of `blocks` blocks: those of a large server are taken together. */
function rangesSql(blocks: number): string {
  const relation = 'reldatabase, reltablespace, relfilenode, relforknumber'
  return `\\set FETCH_COUNT 10000
SELECT ${relation}, ${blocks} * min(extent), ${blocks} * count(*), sum(uses) FROM (
  SELECT *, extent - row_number() OVER (PARTITION BY ${relation} ORDER BY extent) AS run FROM (
    SELECT ${relation}, relblocknumber / ${blocks} AS extent, sum(usagecount) AS uses ${buffered} GROUP BY ${relation}, extent) AS extents) AS runs
GROUP BY ${relation}, run
ORDER BY ${relation}, min(extent);`
}

class PostgresqlSource implements Source {
  readonly name: string
  readonly kind = 'postgresql'
  readonly #psql: Psql
  readonly #options: PostgresqlSourceOptions
  /** Of the last inventory, by id: what `read` answers. */
  #hints = new Map<string, Buffer>()

  constructor(options: PostgresqlSourceOptions) {
    this.name = options.name
    this.#options = options
    this.#psql = new Psql(options)
  }

  /** Asks once whether it can be asked at all: what is missing is better known before the notice. */
  async warm({ signal }: WaitOptions): Promise<void> {
    await this.#expectBufferCache(signal)
  }

  async *inventory(query: InventoryQuery, { signal }: WaitOptions): AsyncGenerator<Chunk[]> {
    await this.#expectBufferCache(signal)
    const timeoutMs = this.#options.timeoutMs ?? query.deadlineMs / 3
    const cluster = await readCluster(this.#psql, signal)
    const [[blocks] = []] = await this.#psql.rows({ sql: countSql, signal, timeoutMs })
    const together = Math.max(1, Math.ceil(Number(blocks) / (this.#options.extentsMax ?? bufferExtentsMax)))
    const rows = await this.#psql.rows({ sql: rangesSql(together), signal, timeoutMs })
    const hints = new Map<string, Buffer>()
    let hintBytes = 0
    const chunks: Chunk[] = []
    for (const { uses, ...hint } of relationsOf(rows, cluster)) {
      const id = hintId(hint)
      const content = Buffer.from(JSON.stringify(hint))
      hintBytes += content.byteLength
      if (hintBytes > hintsBytesMax) throw new HeirloomError('source-failed', `its description takes more than ${hintsBytesMax} bytes`)
      hints.set(id, content)
      const readProbability = Math.min(1, uses / (usageMax * blocksOf(hint)))
      chunks.push({ id, kind: 'metadata', bytes: content.byteLength, readProbability, group: String(hint.database) })
    }
    this.#hints = hints
    yield chunks.sort((a, b) => b.readProbability! - a.readProbability!)
  }

  /** What has left the buffers since it was listed is out of use, or dropped. */
  async *read(chunks: readonly Chunk[], { signal }: WaitOptions): AsyncGenerator<(ChunkPart | LeftOut)[]> {
    const sql = `SELECT DISTINCT reldatabase, reltablespace, relfilenode ${buffered};`
    const present = new Set((await this.#psql.rows({ sql, signal })).map((row) => row.join('/')))
    for (const chunk of chunks) {
      signal.throwIfAborted()
      const bytes = this.#hints.get(chunk.id)
      if (bytes === undefined || !present.has(chunk.id)) yield [{ chunk, leftOut: 'vanished', detail: 'it is not in the buffers any more' }]
      else yield [{ chunk, offset: 0, chunkBytes: bytes.byteLength, bytes }]
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #expectBufferCache(signal: AbortSignal): Promise<void> {
    const [[isThere] = []] = await this.#psql.rows({ sql: `SELECT to_regclass('pg_buffercache') IS NOT NULL;`, signal })
    if (isThere === 't') return
    throw new HeirloomError('source-failed', 'the extension pg_buffercache is not in the database that dsn names', {
      hint: 'CREATE EXTENSION pg_buffercache in that one, and GRANT pg_monitor to the user; CREATE EXTENSION pg_prewarm in each',
    })
  }
}

/** One after the other: the rows of a relation come together. */
function* relationsOf(rows: readonly string[][], cluster: Cluster): Generator<RelationHint & { uses: number }> {
  for (let at = 0; at < rows.length;) {
    const [database = 0, tablespace = 0, filenode = 0] = rows[at]!.map(Number)
    const ranges: BlockRange[] = []
    let uses = 0
    for (; at < rows.length; at++) {
      const row = rows[at]!.map(Number)
      if (row[0] !== database || row[1] !== tablespace || row[2] !== filenode) break
      ranges.push([row[3]!, row[4]!, row[5]!])
      uses += row[6]!
    }
    yield { ...cluster, database, tablespace, filenode, ranges: joinRanges(ranges, hintRangesMax), uses }
  }
}
