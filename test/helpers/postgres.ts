// A PostgreSQL server of a test's own, from Debian's packages, on a Unix socket in a temporary folder. The server refuses to be root's: then it runs as
// the user postgres, whom the package makes.

import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { makeTemp } from './temp.ts'

const run = promisify(execFile)

const isRoot = process.getuid?.() === 0

/** The folder of the newest version's programs, which Debian keeps out of PATH. */
function binaries(): string {
  const versions = '/usr/lib/postgresql'
  const found = existsSync(versions) ? readdirSync(versions).sort((a, b) => Number(b) - Number(a)) : []
  const folder = found.map((version) => join(versions, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')))
  if (folder === undefined) throw new Error('this test needs a PostgreSQL server: apt-get install postgresql')
  return folder
}

function asServer(program: string, args: readonly string[]): readonly [string, string[]] {
  const file = join(binaries(), program)
  return isRoot ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', '--', file, ...args]] : [file, [...args]]
}

function makeOwn(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (!isRoot) return
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  chownSync(folder, id('-u'), id('-g'))
}

export interface TestPostgres extends AsyncDisposable {
  /** How psql connects, to the database postgres or another. */
  dsn(database?: string): string
  /** Rows as psql prints them. */
  sql(text: string, database?: string): Promise<string[]>
  restart(): Promise<void>
  stop(): Promise<void>
  start(): Promise<void>
  /** A physical copy of this one, started as a server of its own. */
  copy(): Promise<TestPostgres>
}

export async function startPostgres({ buffers = '32MB' } = {}): Promise<TestPostgres> {
  return prepare(async (data) => {
    await run(...asServer('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '--no-locale', '-E', 'UTF8']))
  }, buffers)
}

async function prepare(fill: (data: string) => Promise<void>, buffers: string): Promise<TestPostgres> {
  await using resources = new AsyncDisposableStack()
  // A server of another user can't enter what is this one's own.
  const temp = resources.use(await makeTemp(isRoot ? '/tmp' : undefined))
  chmodSync(temp.path, 0o755)
  const [data, socket] = [temp.at('data'), temp.at('socket')]
  makeOwn(data)
  makeOwn(socket)
  if (isRoot) chmodSync(socket, 0o755)
  await fill(data)
  const settings = `-c listen_addresses= -c unix_socket_directories=${socket} -c fsync=off -c autovacuum=off -c shared_buffers=${buffers} -c wal_level=replica -c bgwriter_lru_maxpages=0`
  const control = (...args: string[]) => run(...asServer('pg_ctl', ['-D', data, '-w', '-s', '-l', join(socket, 'log'), ...args]))
  const dsn = (database = 'postgres') => `host=${socket} user=postgres dbname='${database.replaceAll(/['\\]/g, '\\$&')}'`
  const start = async () => void (await control('-o', settings, 'start'))
  const stop = async () => void (await control('-m', 'immediate', 'stop').catch(() => {}))
  await start()
  const owned = resources.move()
  return {
    dsn,
    start,
    stop,
    async sql(text, database) {
      const asked = run('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', dsn(database), '-f', '-'], {
        maxBuffer: 64 * 1024 * 1024,
      })
      asked.child.stdin!.end(text)
      return (await asked).stdout.split('\n').filter((line) => line !== '')
    },
    restart: async () => void (await control('-m', 'fast', '-o', settings, 'restart')),
    copy: () =>
      prepare(async (copied) => {
        await run(...asServer('pg_basebackup', ['-D', copied, '-d', dsn(), '-c', 'fast', '-X', 'stream', '--no-sync']))
      }, buffers),
    async [Symbol.asyncDispose]() {
      await stop()
      await owned.disposeAsync()
    },
  }
}
