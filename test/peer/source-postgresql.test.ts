// Against real servers: one whose buffers are handed over, and a physical copy of it that gets them.
// time-out: 300 s

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isLeftOut } from '../../src/chunk/chunk.ts'
import { HeirloomError } from '../../src/errors.ts'
import { checkSource } from '../../peer/doctor/sources.ts'
import { sourcesSchema } from '../../src/plan/manifest.ts'
import { createPostgresqlSink, PostgresqlTarget, postgresqlSinkFor } from '../../peer/source/postgresql/sink.ts'
import { createPostgresqlSource } from '../../peer/source/postgresql/source.ts'
import { joinRanges, type RelationHint } from '../../peer/source/postgresql/hint.ts'
import { cut, end, testSink } from '../contract/sink.ts'
import { contentOf, list, never, readAll, testSource } from '../contract/source.ts'
import { hintFragment, HintSinks } from '../helpers/hint-sinks.ts'
import { startPostgres, type TestPostgres } from '../helpers/postgres.ts'
import { makeTemp } from '../helpers/temp.ts'
import { counted } from '../helpers/counted-sink.ts'

const test = suite('postgresql source')

const blockBytes = 8192
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
const blocksFor = (bytes: number) => Math.min(8, Math.ceil(bytes / blockBytes))

/** A table of so many blocks; its rows have one number each, 226 of them fit into a block. */
function tableSql(name: string, blocks: number): string {
  return `CREATE TABLE ${quoted(name)} AS SELECT g AS i FROM generate_series(1, ${226 * blocks}) g;`
}

async function idOf(server: TestPostgres, table: string): Promise<string> {
  const sql = `SELECT d.oid || '/' || d.dattablespace || '/' || pg_relation_filenode(${literal(quoted(table))}::regclass) FROM pg_database d WHERE datname = current_database();`
  return (await server.sql(sql))[0]!
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`

/** How many blocks of a table's main fork are in the buffers. */
async function bufferedBlocks(server: TestPostgres, table: string): Promise<number> {
  const sql = `SELECT count(*) FROM pg_buffercache WHERE relforknumber = 0 AND relfilenode = pg_relation_filenode(${literal(quoted(table))}::regclass);`
  return Number((await server.sql(sql))[0])
}

const sourceOf = (server: TestPostgres) => createPostgresqlSource({ name: 'db', dsn: server.dsn() })

// One server for the whole contract: its tables come and go. And one with a physical copy. All is awaited before the first suite, which would
// otherwise run beside the next.
const server = await startPostgres({ buffers: '64MB' })
const old = await startPostgres()
await old.sql('CREATE EXTENSION pg_buffercache; CREATE EXTENSION pg_prewarm;')
await old.sql([tableSql('large', 16), tableSql('small', 4)].join('\n'))
const copy = await old.copy()
const ids = new Map<string, string>()

function bound(source: ReturnType<typeof sourceOf>) {
  return {
    name: source.name,
    kind: source.kind,
    warm: source.warm.bind(source),
    inventory: source.inventory.bind(source),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  }
}

async function* afterAll<Value>(waiting: readonly Promise<unknown>[], go: () => AsyncIterable<Value>): AsyncGenerator<Value> {
  await Promise.all(waiting)
  yield* go()
}

async function hintsOf(server: TestPostgres): Promise<Map<string, RelationHint>> {
  await using source = sourceOf(server)
  const chunks = await list(source)
  const parts = await readAll(source, chunks)
  assert.is(parts.filter(isLeftOut).length, 0)
  return new Map(chunks.map(({ id }) => [id, JSON.parse(contentOf(id, parts).toString()) as RelationHint]))
}

const tableOf = (name: string) => (name === 'large' ? 'large' : 'small')

const hints = await hintsOf(old)
const hintOf = async (table: string) => {
  const id = await idOf(old, table)
  return { id, hint: hints.get(id)! }
}
const told = { large: await hintOf('large'), small: await hintOf('small') }

/** As it was given under a name. */
const descriptions = new Map<string, Buffer>()

testSource('postgresql', {
  async open(content) {
    await server.sql('DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE EXTENSION pg_buffercache;')
    ids.clear()
    const names = [...content].filter(([, bytes]) => bytes.byteLength > 0)
    await server.sql(names.map(([name, bytes]) => tableSql(name, blocksFor(bytes.byteLength))).join('\n'))
    const rows = await server.sql(
      `SELECT relname || chr(9) || d.oid || '/' || d.dattablespace || '/' || relfilenode FROM pg_class, pg_database d WHERE datname = current_database() AND relnamespace = 'public'::regnamespace;`,
    )
    for (const row of rows) ids.set(row.split('\t')[0]!, row.split('\t')[1]!)
    const source = sourceOf(server)
    const dropped: Promise<unknown>[] = []
    return {
      source: { ...bound(source), read: (chunks, options) => afterAll(dropped, () => source.read(chunks, options)) },
      remove: (name: string) => void dropped.push(server.sql(`DROP TABLE ${quoted(name)}`)),
      [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
    }
  },
  openAbsent: async () => createPostgresqlSource({ name: 'db', dsn: 'host=/nowhere user=nobody' }),
  idsOf: (name, bytes) => (bytes === 0 ? [] : [ids.get(name)!]),
  describes(_name, bytes, told) {
    if (bytes === 0) return told.byteLength === 0
    const hint = JSON.parse(told.toString()) as RelationHint
    return hint.ranges.some(([fork, first, count]) => fork === 0 && first === 0 && count === blocksFor(bytes))
  },
})

testSink('postgresql', {
  async open() {
    // Nothing is in the buffers of a server that has just started.
    await copy.restart()
    const temp = await makeTemp()
    const open = () => {
      const target = new PostgresqlTarget({ dsn: copy.dsn() })
      return { target, sink: postgresqlSinkFor(target, { name: 'db', dsn: '', staging: temp.at('staging') }) }
    }
    const sinks = new HintSinks(open)
    return {
      sink: sinks.sink,
      restart: () => sinks.restart(),
      async restored(name) {
        await sinks.idle()
        const table = tableOf(name)
        if ((await bufferedBlocks(copy, table)) !== (table === 'large' ? 16 : 4)) return undefined
        return descriptions.get(name)
      },
      async [Symbol.asyncDispose]() {
        await sinks[Symbol.asyncDispose]()
        await temp[Symbol.asyncDispose]()
      },
    }
  },
  fragmentsOf: (name, content, ends) =>
    cut(content, ends).map((part) => ({ ...hintFragment(`${told[tableOf(name)].id} as ${name}`, content), ...part, version: name })),
  describe(name, bytes) {
    const description = Buffer.from(JSON.stringify({ name, ...told[tableOf(name)].hint }).padEnd(bytes))
    descriptions.set(name, description)
    return description
  },
  refusedFragment() {
    const { id, hint } = told.small
    return hintFragment(id, Buffer.from(JSON.stringify({ ...hint, system: '1' })))
  },
})

test.after(async () => {
  for (const running of [server, copy, old]) await running[Symbol.asyncDispose]()
})

async function failureOf(promise: Promise<unknown>): Promise<HeirloomError> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.instance(thrown, HeirloomError)
  return thrown as HeirloomError
}

/** What a sink makes of a relation's blocks; the sink is finished. */
async function restoreInto(running: TestPostgres, given: RelationHint, id = 'x') {
  await using temp = await makeTemp()
  await using sink = counted(createPostgresqlSink({ name: 'db', dsn: running.dsn(), staging: temp.at('staging') }))
  const outcome = await sink.restore([hintFragment(id, Buffer.from(JSON.stringify(given)))], never())
  const { dropped } = await sink.finish(end, never())
  return { reason: outcome.refused[0]?.reason, dropped, chunks: outcome.chunks }
}

test('what is used most comes first, and its blocks are those that were used', async () => {
  await old.sql('SELECT count(*) FROM small; SELECT count(*) FROM small; SELECT count(*) FROM small; SELECT count(*) FROM small;')
  await using source = sourceOf(old)
  const chunks = await list(source)
  const order = chunks.map(({ id }) => id)
  assert.ok(order.indexOf(told.small.id) < order.indexOf(told.large.id))
  const probability = (id: string) => chunks.find((chunk) => chunk.id === id)!.readProbability!
  assert.ok(probability(told.small.id) > probability(told.large.id))
  assert.ok(chunks.every(({ kind, readProbability }) => kind === 'metadata' && readProbability! <= 1))
})

test('blocks of another cluster, of a later timeline or another block size are refused with the reason', async () => {
  const { hint } = told.large
  assert.match(String((await restoreInto(server, hint)).reason), /not a physical copy: the system identifier is \d+ here and \d+ where/)
  assert.match(
    String((await restoreInto(copy, { ...hint, timeline: 9 })).reason),
    /on timeline 1, and what comes is of the later timeline 9/,
  )
  assert.match(String((await restoreInto(copy, { ...hint, blockBytes: 4096 })).reason), /blocks have 8192 bytes here and 4096/)
  assert.match(String((await restoreInto(copy, { ...hint, database: 7 })).reason), /no database with the oid 7/)
})

test('a relation that was dropped since the copy, or has become shorter, costs nothing else', async () => {
  await copy.restart()
  const { hint } = told.large
  assert.is((await restoreInto(copy, { ...hint, filenode: 99_999 })).chunks, 1)
  assert.is(
    (
      await restoreInto(copy, {
        ...hint,
        ranges: [
          [0, 8, 1_000],
          [0, 5_000, 7],
        ],
      })
    ).chunks,
    1,
  )
  assert.is(await bufferedBlocks(copy, 'large'), 8)
})

test('of many buffers some are told together', async () => {
  await using source = createPostgresqlSource({ name: 'db', dsn: old.dsn(), extentsMax: 5 })
  const parts = await readAll(source, await list(source))
  const { ranges } = JSON.parse(contentOf(told.large.id, parts).toString()) as RelationHint
  const [main] = ranges
  assert.is(main![1], 0)
  assert.ok(main![2] >= 16 && main![2] < 32, JSON.stringify(ranges))
  await copy.restart()
  await restoreInto(copy, { ...told.large.hint, ranges })
  assert.is(await bufferedBlocks(copy, 'large'), 16)
})

test('no more is brought in than there are free buffers', async () => {
  const { hint } = told.large
  const { reason } = await restoreInto(copy, { ...hint, ranges: [[0, 0, 1_000_000]] })
  assert.is(reason, 'no free buffers are left for it')
})

test('a database without pg_prewarm is named; one without pg_buffercache can not be asked, and says what to do', async () => {
  await using bare = await startPostgres()
  const [system] = await bare.sql('SELECT system_identifier FROM pg_control_system();')
  const [database] = await bare.sql("SELECT oid FROM pg_database WHERE datname = 'postgres';")
  const { reason } = await restoreInto(bare, { ...told.large.hint, system: system!, database: Number(database) })
  assert.match(String(reason), /CREATE EXTENSION pg_prewarm is missing in database postgres/)
  await using source = sourceOf(bare)
  const { message, hint } = await failureOf(source.warm(never()))
  assert.match(message, /pg_buffercache is not in the database/)
  assert.match(String(hint), /CREATE EXTENSION pg_buffercache/)
})

test('a server that is not up yet gets its blocks when it is; one that never comes costs its own hints only', async () => {
  const { hint, id } = told.large
  const content = Buffer.from(JSON.stringify(hint))
  await copy.stop()
  await using temp = await makeTemp()
  await using sink = counted(createPostgresqlSink({ name: 'db', dsn: copy.dsn(), staging: temp.at('staging') }))
  assert.equal((await sink.restore([hintFragment(id, content)], never())).unfinished, [0])
  await copy.start()
  assert.equal(await sink.finish(end, never()), { dropped: 0 })
  assert.is(await bufferedBlocks(copy, 'large'), 16)
  await copy.stop()
  assert.equal(await restoreInto(copy, hint), { reason: undefined, dropped: 1, chunks: 0 })
  await copy.start()
})

test('a login that is refused, and a server that does not answer, fail the source with what psql says', async () => {
  await using refused = createPostgresqlSource({ name: 'db', dsn: `${old.dsn()} user=nobody` })
  assert.match((await failureOf(list(refused))).message, /role "nobody" does not exist/)
  await using slow = createPostgresqlSource({ name: 'db', dsn: old.dsn(), psql: 'cat', timeoutMs: 1 })
  assert.match((await failureOf(list(slow))).message, /did not answer within 1 ms|cat/)
})

test('the doctor finds what is missing in a server, and nothing where nothing is', async () => {
  const entry = (running: TestPostgres) =>
    sourcesSchema.parse([{ name: 'db', kind: 'postgresql', dsn: running.dsn() }]).map((source) => checkSource(source, never().signal))[0]!
  assert.match((await entry(old)).message, /cluster \d+ on timeline 1 answers/)
  await old.sql('DROP EXTENSION pg_prewarm')
  const { level, message, hint } = await entry(old)
  assert.equal([level, hint], ['warn', 'CREATE EXTENSION pg_prewarm;'])
  assert.match(message, /nothing is brought in/)
  await old.sql('CREATE EXTENSION pg_prewarm')
})

test('names of databases are quoted, and ranges are joined to the bound, the nearest first', async () => {
  const name = 'we"ird \' näme'
  await old.sql(`CREATE DATABASE ${quoted(name)}`)
  await old.sql(`CREATE EXTENSION pg_prewarm; ${tableSql('t', 2)}`, name)
  const [oid] = await old.sql(`SELECT oid FROM pg_database WHERE datname = ${literal(name)};`)
  const found = [...(await hintsOf(old)).values()].filter(({ database }) => database === Number(oid))
  assert.ok(found.length > 0)
  for (const hint of found) assert.is((await restoreInto(old, hint)).reason, undefined)
  const ranges = [0, 2, 10, 12, 100].map((first) => [0, first, 1] as const)
  assert.equal(joinRanges(ranges, 3), [
    [0, 0, 3],
    [0, 10, 3],
    [0, 100, 1],
  ])
  assert.is(joinRanges(ranges, 5), ranges)
})

test.run()
