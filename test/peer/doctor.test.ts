import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock, type Clock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import { issueCertificate } from '../../src/seal/certificate.ts'
import { createIdentity } from '../../src/seal/identity.ts'
import { formatCertificateFile, formatPoolPublic, formatPoolSecret, generatePool } from '../../src/seal/pool-key.ts'
import { readConfig } from '../../peer/config/load-config.ts'
import { examine } from '../../peer/doctor/examine.ts'
import type { Finding } from '../../peer/doctor/finding.ts'
import type { RelayProbe } from '../../peer/doctor/relay.ts'
import { FakeCloud } from '../cloud/fake-cloud.ts'
import { serveCloud } from '../cloud/metadata-server.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { startRedis } from '../helpers/redis.ts'

interface Context {
  folder: string
  /** Stands where a relay would listen. */
  server: Server
}

const test = suite<Context>('doctor')
const pool = generatePool('checkout')
const nowMs = Date.parse('2026-01-01T12:00:00Z')
const clock = { nowMs: () => nowMs, monotonicMs: () => 0, after: () => () => {} }
const content: RelayProbe = async () => ({ nowMs })

test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'heirloom-doctor-'))
  context.server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(context.server, 'listening')
  await writeFile(join(context.folder, 'pool.key'), formatPoolSecret(pool), { mode: 0o600 })
})

test.after.each(async ({ folder, server }) => {
  server.close()
  await rm(folder, { recursive: true, force: true })
})

async function look(
  { folder, server }: Context,
  { probe = content, more = '', clock: lookClock }: { probe?: RelayProbe; more?: string; clock?: Clock } = {},
): Promise<Record<string, Finding>> {
  const { port } = server.address() as AddressInfo
  const relay = `/ip4/127.0.0.1/tcp/${port}/p2p/12D3KooWGRUVh7zpMtBkBcAKXvsUm7x6jnNbLSDk4hVvqmZJgZ4S`
  const text = `relays: [${relay}]\nkey: pool.key\nstate: state\nsocket: peer.sock\npolicy: { lanes: [stream] }\nsources:\n  - { name: models, kind: directory, path: . }\n${more}`
  const config = readConfig(text, join(folder, 'peer.yaml'), {})
  const found: Record<string, Finding> = {}
  const dmiFolder = join(folder, 'dmi')
  for await (const row of examine({ config, clock: lookClock ?? clock, probe, dmiFolder, signal: new AbortController().signal }))
    found[row.check.split(' ')[0] === 'relay' ? 'relay' : row.check] = row
  return found
}

test('finds nothing wrong where nothing is', async (context) => {
  const found = await look(context)
  assert.equal([...new Set(Object.values(found).map(({ level }) => level))], ['ok'])
})

test('warns of a key that others may read', async (context) => {
  await chmod(join(context.folder, 'pool.key'), 0o644)
  const { key } = await look(context)
  assert.is(key!.level, 'warn')
  assert.match(key!.hint!, /chmod 600/)
})

test('tells the public half, a foreign pool and an expired certificate apart', async (context) => {
  const file = join(context.folder, 'pool.key')
  assert.match((await look(context, { more: 'pool: other\n' }))['key']!.message, /is of pool checkout, the configuration says other/)

  await writeFile(file, formatPoolPublic(pool))
  const publicHalf = await look(context)
  assert.is(publicHalf['key']!.exitCode, 78)
  assert.is(publicHalf['relay']!.level, 'warn', 'without a key the relay is not asked')

  const { peer } = createIdentity()
  const expired = issueCertificate(pool, { peer, may: ['send'], issuedMs: nowMs - 10_000_000, expiresMs: nowMs - 5_000_000 })
  await writeFile(file, formatCertificateFile(pool, expired))
  assert.is((await look(context))['key']!.exitCode, 77)
})

test('warns of a clock that is off, and fails where certificates would be refused', async (context) => {
  const at = async (skewMs: number) => (await look(context, { probe: async () => ({ nowMs: nowMs + skewMs }) }))['relay']!
  assert.is((await at(4000)).level, 'ok')
  assert.match((await at(10_000)).message, /10\.0 s behind the relay's/)
  assert.match((await at(-10_000)).message, /10\.0 s ahead of the relay's/)
  assert.is((await at(10_000)).level, 'warn')
  assert.is((await at(120_000)).exitCode, 77)
})

test("a relay's refusal is its own finding and the rest goes on", async (context) => {
  const probe: RelayProbe = async () => {
    throw new HeirloomError('foreign-pool', 'not a pool of mine', { hint: 'give it the .pub file' })
  }
  const found = await look(context, { probe })
  assert.is(found['relay']!.exitCode, 77)
  assert.is(found['relay']!.hint, 'give it the .pub file')
  assert.is(found['source models']!.level, 'ok')
})

test('finds ports in use, applications that are silent, a notice that is there already', async (context) => {
  const { port } = context.server.address() as AddressInfo
  await writeFile(join(context.folder, 'going'), '')
  const found = await look(context, {
    more: `  - { name: shop, kind: app, url: "unix:${context.folder}/none.sock" }\n  - { name: gone, kind: directory, path: gone }\nhttp: 127.0.0.1:${port}\nnotices: [{ kind: file, path: going }]\n`,
  })
  assert.is(found[`http 127.0.0.1:${port}`]!.exitCode, 78)
  assert.is(found['source shop']!.level, 'warn')
  assert.is(found['source gone']!.level, 'warn')
  assert.is(found['notice file']!.level, 'warn')
})

test('looks behind every kind of source, and says what to do', async (context) => {
  const { folder } = context
  const { port } = context.server.address() as AddressInfo
  await writeFile(join(folder, 'token'), 'secret\n')
  await chmod(join(folder, 'token'), 0o644)
  await writeFile(join(folder, 'private'), 'secret\n', { mode: 0o600 })
  await writeFile(join(folder, 'none'), '', { mode: 0o600 })
  const url = `"http://127.0.0.1:${port}"`
  const found = await look(context, {
    more: `  - { name: bare, kind: app, url: ${url} }
  - { name: open, kind: app, url: ${url}, token_file: token }
  - { name: closed, kind: app, url: ${url}, token_file: private }
  - { name: empty, kind: app, url: ${url}, token_file: none }
  - { name: tool, kind: command, dump: [sh, -c, "true"], load: [./nothing] }
  - { name: good, kind: command, dump: [sh], load: [/bin/sh] }
  - { name: pages, kind: pagecache, path: . }
  - { name: blind, kind: pagecache, path: ., python: /nowhere/python3 }
  - { name: away, kind: pagecache, path: gone }
  - { name: db, kind: postgresql, dsn: host=/nowhere }
  - { name: clientless, kind: postgresql, psql: /nowhere/psql }
`,
  })
  const told = (name: string) => `${found[`source ${name}`]!.level}: ${found[`source ${name}`]!.message}`
  assert.match(told('bare'), /warn: any user of this machine can ask/)
  assert.match(found['source bare']!.hint!, /token_file/)
  assert.match(found['source open']!.hint!, /chmod 600/)
  assert.match(told('closed'), /ok: the application answers/)
  assert.match(told('empty'), /fail: .* holds no token/)
  assert.match(told('tool'), /fail: .*nothing can't be run/)
  assert.match(told('good'), /ok: sh and/)
  assert.match(told('pages'), /ok: what of .* can be asked/)
  assert.match(told('blind'), /fail: .*python3 can't be run/)
  assert.match(told('away'), /warn: there is no/)
  assert.match(told('db'), /warn: .*nowhere/)
  assert.match(found['source db']!.hint!, /correct dsn/)
  assert.match(found['source clientless']!.hint!, /psql with psql/)
})

test('says which cloud this is, and warns where nothing watches for its notices', async (context) => {
  assert.match((await look(context))['cloud']!.message, /names none/)
  await mkdir(join(context.folder, 'dmi'))
  await writeFile(join(context.folder, 'dmi/sys_vendor'), 'Amazon EC2\n')
  const { cloud } = await look(context)
  assert.is(cloud!.level, 'warn')
  assert.match(cloud!.message, /Amazon EC2: sys_vendor of the firmware says/)
  assert.match(cloud!.hint!, /kind: aws/)
  const watched = await look(context, { clock: systemClock, more: 'notices: [{ kind: aws, endpoint: "http://127.0.0.1:1" }]\n' })
  assert.is(watched['cloud']!.level, 'ok')
  assert.is(watched['notice aws']!.exitCode, 78, 'nobody answers there')
  assert.match(watched['notice aws']!.hint!, /hop limit/)
})

test("asks the clouds' metadata services, and tells the wrong one, one that announces something, and none", async (context) => {
  const fake = new FakeCloud('azure')
  await using metadata = await serveCloud(fake)
  const at = async (kind: string) => {
    const more = `notices: [{ kind: ${kind}, endpoint: "${metadata.url}" }]\n`
    return (await look(context, { clock: systemClock, more }))[`notice ${kind}`]!
  }
  assert.match((await at('azure')).message, /nothing is announced/)
  assert.match((await at('auto')).message, /Microsoft Azure: its metadata service answers/)
  assert.match((await at('gcp')).message, /is not the metadata service of Google/)
  fake.raise('preempt', 30_000)
  assert.is((await at('azure')).level, 'warn')
  fake.breakDown(503)
  assert.is((await at('azure')).exitCode, 78)
  assert.match((await at('auto')).message, /no cloud was found/)
})

test('looks at Redis and memcached as an agent would: what they are, who is let in, what is missing', async (context) => {
  await using redis = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lfu'] })
  await using memcached = await startMemcached()
  await redis.ask(['SET', 'k', 'v'])
  await redis.ask(['ACL', 'SETUSER', 'poor', 'on', '>secret', '~*', '+info', '+scan'])
  const password = join(context.folder, 'password')
  await writeFile(password, 'secret\n')
  await chmod(password, 0o644)
  const entry = (name: string, url: string, more = '') => `  - { name: ${name}, kind: redis, url: "${url}"${more} }\n`
  const more = [
    entry('cache', redis.url),
    entry('poor', redis.url, ', user: poor, password_file: password'),
    entry('wrong', redis.url, ', user: nobody, password_file: password'),
    entry('gone', `unix:${context.folder}/none.sock`),
    `  - { name: pages, kind: memcached, url: "${memcached.url}" }\n`,
    `  - { name: lost, kind: memcached, url: "unix:${context.folder}/none.sock" }\n`,
  ]
  const found = await look(context, { more: more.join('') })
  assert.match(found['source cache']!.message, /has 1 keys and knows how often each was read/)
  assert.is(found['source poor']!.exitCode, 78)
  assert.match(found['source poor']!.hint!, /commands/)
  assert.is(found['source wrong']!.exitCode, 78)
  assert.match(found['source pages']!.message, /memcached 1\.\S+ at .* has 0 items/)
  for (const name of ['gone', 'lost']) assert.is(found[`source ${name}`]!.level, 'warn')

  await redis.ask(['ACL', 'SETUSER', 'rich', 'on', '>secret', '~*', '+@all'])
  const rich = async () =>
    (await look(context, { more: entry('rich', redis.url, ', user: rich, password_file: password') }))['source rich']!
  assert.match((await rich()).hint!, /chmod 600/)
  await chmod(password, 0o600)
  assert.is((await rich()).level, 'ok')
  await redis.ask(['REPLICAOF', '127.0.0.1', '1'])
  assert.match((await rich()).message, /replica/)
})

test.run()
