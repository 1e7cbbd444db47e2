// Checks of the sources: whether what stands behind each can be reached, read and restored to. Nothing is changed.

import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { isOpenToOthers } from '../../src/cli/secret-file.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { doctorTimeoutMs } from '../../src/limits/agent.ts'
import type { SourceEntry } from '../../src/plan/manifest.ts'
import { readToken } from '../source/app/token.ts'
import { readCluster } from '../source/postgresql/cluster.ts'
import { Psql } from '../source/postgresql/psql.ts'
import { ok, warn, type Finding } from './finding.ts'
import { expectAccess } from './local.ts'
import { reach } from './reach.ts'
import { checkMemcached, checkRedis } from './server.ts'

type EntryOf<Kind extends SourceEntry['kind']> = Extract<SourceEntry, { kind: Kind }>

export async function checkSource(source: SourceEntry, signal: AbortSignal): Promise<Finding> {
  const check = `source ${source.name}`
  switch (source.kind) {
    case 'directory':
      return checkDirectory(check, source)
    case 'app':
      return checkApp(check, source, signal)
    case 'command':
      return checkCommand(check, source)
    case 'pagecache':
      return checkPageCache(check, source)
    case 'postgresql':
      return checkPostgresql(check, source, signal)
    case 'redis':
      return checkRedis(check, source, signal)
    case 'memcached':
      return checkMemcached(check, source, signal)
  }
}

async function checkDirectory(check: string, { path, xattrs }: EntryOf<'directory'>): Promise<Finding> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined)
    return warn(check, `there is no ${path}`, 'right on a successor that restores it; wrong on a VM that should have state')
  if (!found.isDirectory()) throw new HeirloomError('io', `${path} is not a directory`, { hint: `correct path of ${check}` })
  await expectAccess(path, constants.R_OK | constants.X_OK, 'read')
  if (xattrs === true) await expectProgram('python3', 'xattrs: true needs a Python 3')
  try {
    await access(path, constants.W_OK)
  } catch {
    return warn(check, `${path} can be read but not written to`, 'enough to hand it off, not to restore it')
  }
  return ok(check, `${path} can be read and restored to`)
}

async function checkApp(check: string, { url, tokenFile }: EntryOf<'app'>, signal: AbortSignal): Promise<Finding> {
  if (tokenFile !== undefined) {
    await readToken(tokenFile)
    if (await isOpenToOthers(tokenFile))
      return warn(check, `${tokenFile} may be read by other users of this machine`, `chmod 600 ${tokenFile}`)
  } else if (!url.startsWith('unix:')) {
    return warn(check, `any user of this machine can ask ${url}`, 'give it a token_file, or let it listen on a Unix socket')
  }
  const target = url.startsWith('unix:')
    ? { path: url.slice('unix:'.length) }
    : { host: new URL(url).hostname.replace(/^\[|\]$/g, ''), port: Number(new URL(url).port || 80) }
  try {
    await reach(target, signal)
    return ok(check, `the application answers at ${url}`)
  } catch (thrown) {
    signal.throwIfAborted()
    return warn(
      check,
      `no application answers at ${url}: ${asHeirloomError(thrown).message}`,
      'start it, or correct url; until it answers its state is left out',
    )
  }
}

async function checkCommand(check: string, { dump, load }: EntryOf<'command'>): Promise<Finding> {
  for (const [file = ''] of [dump, load]) await expectProgram(file, `correct the programs of ${check}`)
  return ok(check, `${dump[0]} and ${load[0]} can be run`)
}

async function checkPageCache(check: string, { path, python }: EntryOf<'pagecache'>): Promise<Finding> {
  await expectProgram(python, 'asking the kernel takes a Python 3: install one, or give its path with python')
  const found = await stat(path).catch(() => undefined)
  if (found === undefined)
    return warn(check, `there is no ${path}`, 'right where another source restores it; wrong on a VM that should have it')
  if (!found.isDirectory()) throw new HeirloomError('io', `${path} is not a directory`, { hint: `correct path of ${check}` })
  await expectAccess(path, constants.R_OK | constants.X_OK, 'read')
  const uid = process.geteuid?.()
  if (uid === 0 || uid === found.uid) return ok(check, `what of ${path} is in memory can be asked`)
  return warn(
    check,
    `${path} belongs to another user`,
    'the kernel tells only the owner of a file, and who may write to it, what of it is in memory',
  )
}

async function checkPostgresql(check: string, { dsn, psql: program }: EntryOf<'postgresql'>, signal: AbortSignal): Promise<Finding> {
  await expectProgram(program, 'install the PostgreSQL client, or give the path of psql with psql')
  const psql = new Psql({ dsn, psql: program, timeoutMs: doctorTimeoutMs })
  try {
    const { system, timeline } = await readCluster(psql, signal)
    const sql = `SELECT extname FROM pg_extension WHERE extname IN ('pg_buffercache', 'pg_prewarm');`
    const extensions = (await psql.rows({ sql, signal })).map(([name]) => name)
    const missing = ['pg_buffercache', 'pg_prewarm'].filter((name) => !extensions.includes(name))
    if (missing.length === 0) return ok(check, `cluster ${system} on timeline ${timeline} answers, and has what it takes`)
    const what = missing.includes('pg_buffercache')
      ? 'without pg_buffercache nothing is handed off'
      : 'without pg_prewarm nothing is brought in'
    return warn(check, `${missing.join(' and ')} missing: ${what}`, missing.map((name) => `CREATE EXTENSION ${name};`).join(' '))
  } catch (thrown) {
    signal.throwIfAborted()
    return warn(check, asHeirloomError(thrown).message, 'start it, or correct dsn; until it answers its state is left out')
  }
}

/** Looked for as a shell would. Throws `config`. */
async function expectProgram(file: string, hint: string): Promise<void> {
  const places = file.includes('/') ? [file] : (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, file))
  const found = await Promise.all(
    places.map((place) =>
      access(place, constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  )
  if (!found.includes(true)) throw new HeirloomError('config', `${file} can't be run`, { hint })
}
