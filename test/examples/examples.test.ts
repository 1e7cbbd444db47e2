// The examples of applications, each with two agents as real processes: what one VM has learned, the next one has.
// time-out: 300 s

import { createServer } from 'node:http'
import { readFile, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { startAgent, type TestAgent } from '../helpers/agent.ts'
import { Fleet } from '../helpers/fleet.ts'
import { startNginx } from '../helpers/nginx.ts'
import { startRedis } from '../helpers/redis.ts'
import { readConfig } from '../../peer/config/load-config.ts'
import type { Program } from '../helpers/process.ts'

const test = suite('examples')

type Entry = Readonly<Record<string, unknown>>

/** The old VM's agent hands its source off to the relay, and the new one's takes it from there. */
async function handOver(fleet: Fleet, oldSource: Entry, newSource: Entry): Promise<TestAgent> {
  const old = await startAgent(fleet, 'old', { sources: [oldSource] })
  await fleet.waiting(1)
  old.program.kill('SIGTERM')
  const { code, result, stderr } = await old.program.end()
  assert.is(code, 0, `${stderr}\n${old.program.rows.map((row) => JSON.stringify(row)).join('\n')}`)
  assert.is(result['outcome'], 'parked')
  const next = await startAgent(fleet, 'new', { sources: [newSource] })
  const inherited = await next.program.row('inherited')
  assert.is(inherited['outcome'], 'delivered')
  return next
}

async function urlOf(program: Program): Promise<string> {
  return String((await program.row('listening'))['url'])
}

test('an application with lru-cache is as warm as its predecessor, over a port with a token', async () => {
  await using fleet = await Fleet.start()
  const token = join(fleet.folder, 'warm.token')
  await writeFile(token, 'a-secret-of-this-machine\n')
  const [oldApp, newApp] = [0, 1].map(() => fleet.run(['scripts/examples/shop-app.ts', '--port', '0', '--token-file', token]))
  const ask = async (url: string, id: number) => (await fetch(`${url}/product/${id}`)).headers.get('x-cache')
  const [oldUrl, newUrl] = [await urlOf(oldApp!), await urlOf(newApp!)]
  for (let id = 0; id < 200; id++) assert.is(await ask(oldUrl, id), 'MISS')
  const source = (url: string) => ({ name: 'products', kind: 'app', url, token_file: token })
  await handOver(fleet, source(oldUrl), source(newUrl))
  for (let id = 0; id < 200; id++) assert.is(await ask(newUrl, id), 'HIT', String(id))
  assert.is(await ask(newUrl, 200), 'MISS')
})

test('without the token nothing of that application goes, and the receipt says why', async () => {
  await using fleet = await Fleet.start()
  const token = join(fleet.folder, 'warm.token')
  await writeFile(token, 'right\n')
  const app = fleet.run(['scripts/examples/shop-app.ts', '--port', '0', '--token-file', token])
  const url = await urlOf(app)
  await writeFile(token, 'wrong\n')
  const files = await fleet.directory('files')
  await writeFile(join(files, 'a'), 'x')
  const old = await startAgent(fleet, 'old', {
    sources: [
      { name: 'products', kind: 'app', url, token_file: token },
      { name: 'files', kind: 'directory', path: files },
    ],
  })
  await fleet.waiting(1)
  old.program.kill('SIGTERM')
  const { code, result } = await old.program.end()
  assert.is(code, 3)
  assert.equal((result['chunks'] as { delivered: number }).delivered, 1, 'the other source goes')
  const failed = await old.program.row('source-failed')
  assert.match(String(failed['reason']), /status 401/)
})

test('an application in Python hands over its values, the most read first', async () => {
  await using fleet = await Fleet.start()
  const paths = ['old-app.sock', 'new-app.sock'].map((name) => join(fleet.folder, name))
  const [oldApp, newApp] = paths.map((path) => fleet.run(['scripts/examples/warm_app.py', '--socket', path], { runtime: ['python3'] }))
  await Promise.all([urlOf(oldApp!), urlOf(newApp!)])
  const call = async (path: string, method: 'GET' | 'PUT', name: string, body?: string) => {
    await using dispatcher = disposable(new Agent({ connect: { socketPath: path } }))
    const answer = await request(`http://app/values/${encodeURIComponent(name)}`, {
      dispatcher: dispatcher.agent,
      method,
      ...(body !== undefined && { body }),
    })
    return { status: answer.statusCode, text: await answer.body.text() }
  }
  const [oldPath, newPath] = paths as [string, string]
  for (const name of ['a', 'näme ☃/%', 'large']) await call(oldPath, 'PUT', name, name === 'large' ? 'x'.repeat(3_000_000) : `of ${name}`)
  await call(oldPath, 'GET', 'a')
  await call(newPath, 'PUT', 'a', 'fresher')
  const source = (path: string) => ({ name: 'values', kind: 'app', url: `unix:${path}` })
  await handOver(fleet, source(oldPath), source(newPath))
  assert.equal(await call(newPath, 'GET', 'a'), { status: 200, text: 'fresher' })
  assert.equal(await call(newPath, 'GET', 'näme ☃/%'), { status: 200, text: 'of näme ☃/%' })
  assert.is((await call(newPath, 'GET', 'large')).text.length, 3_000_000)
  assert.is((await newApp!.row('ready'))['event'], 'ready')
})

function disposable(agent: Agent) {
  return { agent, [Symbol.asyncDispose]: () => agent.destroy() }
}

test("nginx serves from its predecessor's cache", async () => {
  await using fleet = await Fleet.start()
  let asked = 0
  const origin = createServer((request, response) => {
    asked++
    response.end(`page ${request.url}`)
  }).listen(0, '127.0.0.1')
  await using _closing = { [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void origin.close(() => resolve())) }
  await new Promise((resolve) => origin.once('listening', resolve))
  const address = `127.0.0.1:${(origin.address() as AddressInfo).port}`
  const [oldFolder, newFolder] = [join(fleet.folder, 'old-nginx'), join(fleet.folder, 'new-nginx')]
  const paths = Array.from({ length: 40 }, (_, index) => `/page/${index}?q=${index % 7}`)
  {
    await using nginx = await startNginx(oldFolder, address)
    for (const path of paths) assert.is((await nginx.get(path)).cache, 'MISS')
    assert.is((await nginx.get(paths[0]!)).cache, 'HIT')
    // The successor's nginx has made its folder once, and isn't running when its cache is restored.
    await (await startNginx(newFolder, address))[Symbol.asyncDispose]()
    const source = (folder: string) => ({ name: 'pages', kind: 'directory', path: join(folder, 'pages'), exclude: ['**/*.[0-9]*'] })
    await handOver(fleet, source(oldFolder), source(newFolder))
  }
  assert.is(asked, 40)
  await using nginx = await startNginx(newFolder, address)
  for (const path of paths) {
    const { cache, text, status } = await nginx.get(path)
    assert.equal([status, cache, text], [200, 'HIT', `page ${path}`])
  }
  assert.is(asked, 40)
  assert.is((await nginx.get('/new')).cache, 'MISS')
})

test('a Redis has the keys of its predecessor, and what it has itself stays', async () => {
  await using fleet = await Fleet.start()
  const text = await readFile(join(import.meta.dirname, '../../scripts/examples/redis.yaml'), 'utf8')
  const [entry] = readConfig(text, '/etc/heirloom/peer.yaml', { HOME: '/' }).sources
  assert.is(entry!.kind, 'redis', 'the example is a configuration as it stands')
  const { sources } = parse(text) as { sources: [Entry] }
  await using before = await startRedis()
  await using after = await startRedis()
  await before.fill(Array.from({ length: 500 }, (_, index) => [`key ${index}`, `value ${index}`] as const))
  await before.ask(['EXPIRE', 'key 1', 1000])
  await after.fill([['key 7', 'its own']])
  await handOver(fleet, { ...sources[0], url: before.url }, { ...sources[0], url: after.url })
  assert.is(String(await after.get('key 499')), 'value 499')
  assert.is(String(await after.get('key 7')), 'its own')
  const ttl = Number(await after.ask(['TTL', 'key 1']))
  assert.ok(ttl > 500 && ttl <= 1000, String(ttl))
})

test.run()
