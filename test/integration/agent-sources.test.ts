// Agents as real processes with sources of every kind that other programs tell of: each hands over, and each that fails costs its own state only.
// time-out: 180 s

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startAgent } from '../helpers/agent.ts'
import { Fleet } from '../helpers/fleet.ts'
import { startPostgres, type TestPostgres } from '../helpers/postgres.ts'
import { forgetFiles, makeTempOnDisk, residentBytesOf } from '../helpers/residency.ts'

const test = suite('agents with sources of several kinds')

const program = join(import.meta.dirname, '../helpers/warm-command.ts')

test('a command and a page cache hand over from one VM to the next', async () => {
  await using fleet = await Fleet.start()
  await using disk = await makeTempOnDisk()
  const [before, after] = [await fleet.directory('before'), await fleet.directory('after')]
  for (let index = 0; index < 20; index++) await writeFile(join(before, Buffer.from(`item ${index}`).toString('hex')), `content ${index}`)
  await writeFile(join(before, Buffer.from('refuse me').toString('hex')), 'x')
  // Both VMs have the same files: the successor's are cold.
  const folders = [disk.at('old'), disk.at('new')] as const
  for (const folder of folders) {
    await mkdir(folder)
    for (const name of ['hot', 'cold']) await writeFile(join(folder, name), Buffer.alloc(200_000, 'x'))
  }
  forgetFiles(...['old/cold', 'new/hot', 'new/cold'].map((name) => disk.at(name)))
  const sources = (state: string, files: string) => {
    const command = (...step: string[]) => [process.execPath, program, state, ...step]
    return [
      { name: 'tool', kind: 'command', dump: command(), load: command('load') },
      { name: 'pages', kind: 'pagecache', path: files },
    ]
  }
  const old = await startAgent(fleet, 'old', { sources: sources(before, folders[0]) })
  await fleet.waiting(1)
  old.program.kill('SIGTERM')
  const ended = await old.program.end()
  assert.is(ended.code, 0, ended.stderr)
  const next = await startAgent(fleet, 'new', { sources: sources(after, folders[1]) })
  const { chunks } = (await next.program.row('inherited')) as unknown as { chunks: { planned: number; delivered: number } }
  // One was refused by the program.
  assert.equal([chunks.planned, chunks.delivered], [22, 21])
  assert.is((await readdir(after)).filter((name) => !name.endsWith('.part')).length, 20)
  assert.is(await readFile(join(after, Buffer.from('item 7').toString('hex')), 'utf8'), 'content 7')
  assert.match(await readFile(join(after, 'ready.part'), 'utf8'), /"handoff"/)
  assert.equal(
    [residentBytesOf(disk.at('new/hot')), residentBytesOf(disk.at('new/cold'))],
    [200_000, 0].map((bytes) => Math.ceil(bytes / 4096) * 4096),
  )
})

test('the buffers of PostgreSQL are those of its predecessor, on a physical copy', async () => {
  await using fleet = await Fleet.start()
  await using before = await startPostgres()
  await before.sql('CREATE EXTENSION pg_buffercache; CREATE EXTENSION pg_prewarm;')
  await before.sql(
    'CREATE TABLE hot AS SELECT g FROM generate_series(1, 20000) g; CREATE TABLE cold AS SELECT g FROM generate_series(1, 20000) g;',
  )
  await using after = await before.copy()
  // What was just written is in the buffers; after a start only what is read.
  await before.restart()
  await before.sql('SELECT count(*) FROM hot;')
  const sources = (server: TestPostgres) => [{ name: 'db', kind: 'postgresql', dsn: server.dsn() }]
  const old = await startAgent(fleet, 'old', { sources: sources(before) })
  await fleet.waiting(1)
  old.program.kill('SIGTERM')
  const ended = await old.program.end()
  assert.is(ended.code, 0, ended.stderr)
  const next = await startAgent(fleet, 'new', { sources: sources(after) })
  assert.is((await next.program.row('inherited'))['outcome'], 'delivered')
  const buffered = async (table: string) =>
    Number(
      (
        await after.sql(`SELECT count(*) FROM pg_buffercache WHERE relforknumber = 0 AND relfilenode = pg_relation_filenode('${table}');`)
      )[0],
    )
  assert.equal([await buffered('hot'), await buffered('cold')], [89, 0])
})

test('sources that fail cost their own state only, and the receipt says why', async () => {
  await using fleet = await Fleet.start()
  const files = await fleet.directory('files')
  await writeFile(join(files, 'a'), 'content')
  const old = await startAgent(fleet, 'old', {
    sources: [
      { name: 'files', kind: 'directory', path: files },
      { name: 'database', kind: 'postgresql', dsn: 'host=/nowhere user=nobody' },
      { name: 'pages', kind: 'pagecache', path: files, python: '/nowhere/python3' },
      { name: 'tool', kind: 'command', dump: ['sh', '-c', 'echo the cache is locked >&2; exit 3'], load: ['true'] },
      { name: 'hanging', kind: 'command', dump: ['sh', '-c', 'sleep 1000000'], load: ['true'], timeout: '100ms' },
    ],
  })
  await fleet.waiting(1)
  old.program.kill('SIGTERM')
  const { code, result, stderr } = await old.program.end()
  assert.is(code, 3, stderr)
  assert.is((result['chunks'] as { delivered: number }).delivered, 1)
  const notes = (result['notes'] as string[]).join('\n')
  for (const expected of [
    /database: psql.*nowhere/s,
    /pages: .*can't be run/,
    /tool: .*exit code 3: the cache is locked/,
    /hanging: no whole index within 100 ms/,
  ])
    assert.match(notes, expected)
})

test.run()
