import { createServer, type Server } from 'node:http'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const program = fileURLToPath(new URL('../../peer/cli.ts', import.meta.url))
const relay = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWGRUVh7zpMtBkBcAKXvsUm7x6jnNbLSDk4hVvqmZJgZ4S'

interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** The last line of stdout, as JSON. */
  readonly last: Record<string, unknown>
}

interface Context {
  folder: string
}

const test = suite<Context>('the command line')

/** Compiled code, for all programs that this file starts. */
let cache = ''

test.before(async () => {
  cache = await mkdtemp(join(tmpdir(), 'heirloom-cli-cache-'))
})

test.after(() => rm(cache, { recursive: true, force: true }))

test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'heirloom-cli-'))
})

test.after.each(({ folder }) => rm(folder, { recursive: true, force: true }))

/** Runs the program as a process of its own; nothing of this process's environment but the path reaches it. */
function heirloom(folder: string, args: readonly string[], env: Record<string, string> = {}, file = program): Promise<Run> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, NODE_COMPILE_CACHE: cache, ...env } }
    const child = execFile(process.execPath, [file, ...args], options, (_error, stdout, stderr) => {
      const line = stdout.trimEnd().split('\n').at(-1) ?? ''
      const last = line.startsWith('{') && line.endsWith('}') ? (JSON.parse(line) as Record<string, unknown>) : {}
      resolve({ code: child.exitCode ?? -1, stdout, stderr, last })
    })
  })
}

async function configFile(folder: string, more = ''): Promise<string> {
  const file = join(folder, 'peer.yaml')
  await writeFile(file, `relays: [${relay}]\nkey: pool.key\nsources:\n  - { name: models, kind: directory, path: . }\n${more}`)
  return file
}

async function keyFile(folder: string): Promise<string> {
  const file = join(folder, 'pool.key')
  assert.is((await heirloom(folder, ['keygen', '--pool', 'checkout', '--out', file])).code, 0)
  return file
}

/** A stand-in for the agent's local API. */
async function agent(
  socket: string,
  answer: (method: string, path: string, body: string) => { status?: number; type?: string; body: string },
): Promise<Server> {
  const server = createServer((request, response) => {
    void (async () => {
      let body = ''
      for await (const part of request) body += String(part)
      const { status = 200, type = 'application/json', body: text } = answer(request.method!, request.url!, body)
      response.writeHead(status, { 'content-type': type })
      response.end(text)
    })()
  })
  server.listen(socket)
  await once(server, 'listening')
  return server
}

const delivered = {
  event: 'result',
  outcome: 'delivered',
  handoff: 'ab'.repeat(16),
  epoch: 1,
  elapsedMs: 812,
  firstPackMs: 9,
  chunks: { planned: 2, delivered: 2, leftOut: 0 },
  bytes: { planned: 2000, delivered: 2000, sealed: 2100 },
  lanes: {
    fast: { packs: 0, bytes: 0 },
    stream: { packs: 1, bytes: 2100 },
    circuit: { packs: 0, bytes: 0 },
    store: { packs: 0, bytes: 0 },
  },
  hitMass: { predicted: 1, delivered: 1 },
  resentBytes: 0,
}

test('help names every command, and every command has an example', async ({ folder }) => {
  const { code, stdout } = await heirloom(folder, ['--help'])
  assert.is(code, 0)
  const agent = ['peer', 'handoff', 'status', 'receipt', 'plan']
  const commands = ['keygen', 'certify', 'identity', ...agent, 'send', 'receive', 'simulate', 'config', 'doctor']
  const helps = await Promise.all(commands.map((command) => heirloom(folder, [command, '--help'])))
  for (const [index, command] of commands.entries()) {
    assert.match(stdout, new RegExp(`^  ${command} `, 'm'))
    assert.is(helps[index]!.code, 0)
    assert.match(helps[index]!.stdout, new RegExp(`Example:\n  heirloom ${command}`))
    assert.match(helps[index]!.stdout, /--json/)
  }
})

test('the launcher of npx runs the program', async ({ folder }) => {
  const launcher = fileURLToPath(new URL('../../bin/heirloom.js', import.meta.url))
  const { code, stdout } = await heirloom(folder, ['--version'], {}, launcher)
  assert.is(code, 0)
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
})

test('wrong use exits with 64 and says what was meant', async ({ folder }) => {
  const wrong: [string[], RegExp][] = [
    [[], /Usage: heirloom/],
    [['sned'], /did you mean send\?/],
    [['send', '--dedline', '3s'], /did you mean --deadline\?/],
    [['send', '--deadline', '30'], /did you mean 30s\?/],
    [['send', '--max-rate', '50MB'], /such as 100MB\/s/],
    [['send', '--lane', 'stroe'], /did you mean store\?/],
    [['send', '--relay', 'relay.internal'], /not an address/],
    [['send', '--relay', '/ip4/127.0.0.1/tcp/1'], /\/p2p\//],
    [['send', '--key', 'k', '--directory', 'd'], /--relay is missing/],
    [['send', '--relay', relay, '--key', 'k', '--directory', 'd', '--deadline', '2s', '--reserve', '3s'], /--reserve leaves no time/],
    [['config', 'chek'], /did you mean check\?/],
    [['config'], /missing required argument/],
    [['keygen', '--pool', 'a b', '--out', 'k'], /not a name for a pool/],
    [['certify', '--key', 'k', '--peer', 'nobody', '--out', 'c'], /not a peer id/],
    [['status', 'now'], /too many arguments/],
  ]
  const runs = await Promise.all(wrong.map(([args]) => heirloom(folder, args)))
  for (const [index, [args, pattern]] of wrong.entries()) {
    assert.is(runs[index]!.code, 64, args.join(' '))
    assert.match(runs[index]!.stderr, pattern)
    assert.is(runs[index]!.stdout, '')
  }
})

test('with --json an error is the last line of stdout as well', async ({ folder }) => {
  const { code, last, stderr } = await heirloom(folder, ['config', 'check', '--config', 'nowhere.yaml', '--json'])
  assert.is(code, 78)
  assert.is(last['event'], 'error')
  assert.is(last['code'], 'config')
  assert.is(last['exitCode'], 78)
  assert.is((JSON.parse(stderr) as { level: string }).level, 'error')
})

test("keygen writes a secret that is its owner's alone and a public half, and never overwrites", async ({ folder }) => {
  const file = join(folder, 'pool.key')
  const first = await heirloom(folder, ['keygen', '--pool', 'checkout', '--out', file, '--json'])
  assert.is(first.code, 0)
  assert.is(first.last['event'], 'result')
  assert.is((await stat(file)).mode & 0o777, 0o600)
  const secret = await readFile(file, 'utf8')
  assert.not.match(await readFile(`${file}.pub`, 'utf8'), /Seed|Secret/)
  const second = await heirloom(folder, ['keygen', '--pool', 'checkout', '--out', file])
  assert.is(second.code, 64)
  assert.match(second.stderr, /is there already/)
  assert.is(await readFile(file, 'utf8'), secret)
  assert.is((await heirloom(folder, ['keygen', '--pool', 'a', '--out', join(folder, 'no', 'such', 'k')])).code, 74)
})

test('identity makes an identity once and shows it ever after', async ({ folder }) => {
  const first = await heirloom(folder, ['identity'], { STATE_DIRECTORY: join(folder, 'state') })
  const second = await heirloom(folder, ['identity', '--json', '--state', join(folder, 'state')])
  assert.is(first.code, 0)
  assert.match(first.stdout, /^12D3KooW\w+\n$/)
  assert.is(second.last['peer'], first.stdout.trim())
  assert.is((await stat(join(folder, 'state', 'identity.key'))).mode & 0o777, 0o600)
})

test('two that make an identity at the same time agree on one', async ({ folder }) => {
  const runs = await Promise.all([1, 2, 3].map(() => heirloom(folder, ['identity', '--out', 'id.key'])))
  assert.is(new Set(runs.map(({ stdout }) => stdout)).size, 1)
  assert.match(runs[0]!.stdout, /^12D3KooW/)
})

test('certify takes the pool secret and nothing less', async ({ folder }) => {
  const key = await keyFile(folder)
  const peer = (await heirloom(folder, ['identity', '--out', 'id.key'])).stdout.trim()
  const made = await heirloom(folder, [
    'certify',
    '--key',
    key,
    '--peer',
    peer,
    '--may',
    'send',
    '--expires',
    '24h',
    '--out',
    'vm.cert',
    '--json',
  ])
  assert.is(made.code, 0)
  assert.equal(made.last['may'], ['send'])
  const refused = await heirloom(folder, ['certify', '--key', `${key}.pub`, '--peer', peer, '--out', 'other.cert'])
  assert.is(refused.code, 78)
  assert.match(refused.stderr, /only the pool's secret can certify/)
})

test('the environment stands under the flags', async ({ folder }) => {
  const env = { HEIRLOOM_POOL: 'checkout', HEIRLOOM_OUT: join(folder, 'env.key'), HEIRLOOM_JSON: '1' }
  const fromEnv = await heirloom(folder, ['keygen'], env)
  assert.is(fromEnv.last['pool'], 'checkout')
  const fromFlags = await heirloom(folder, ['keygen', '--pool', 'other', '--out', 'flag.key'], env)
  assert.is(fromFlags.last['pool'], 'other')
  const off = await heirloom(folder, ['identity'], { HEIRLOOM_JSON: '0' })
  assert.match(off.stdout, /^12D3KooW/)
  const wrong = await heirloom(folder, ['send'], { HEIRLOOM_DEADLINE: 'soon' })
  assert.is(wrong.code, 64)
  assert.match(wrong.stderr, /HEIRLOOM_DEADLINE/)
})

test('config check names file, line and column of every mistake', async ({ folder }) => {
  const file = join(folder, 'peer.yaml')
  await writeFile(file, `relays: [${relay}]\nkey: k\nsorces: []\npolicy: { keep: 6 hours }\n`)
  const { code, stderr } = await heirloom(folder, ['config', 'check', '--config', file])
  assert.is(code, 78)
  assert.match(stderr, `${file}:3:1: sorces: unknown key "sorces", did you mean sources?`)
  assert.match(stderr, `${file}:4:17: policy.keep: "6 hours" is not a duration`)
})

test('config check notes what a configuration does without, and is content', async ({ folder }) => {
  const file = join(folder, 'peer.yaml')
  await writeFile(file, `relays: [${relay}]\nkey: k\nnotices: []\nsources: [{ name: files, kind: directory, path: /tmp }]\n`)
  const { code, stdout, stderr } = await heirloom(folder, ['config', 'check', '--config', file])
  assert.is(code, 0)
  assert.match(stdout, /is valid/)
  assert.match(stderr, /note: notices: without any/)
})

test('what config print prints, config check accepts', async ({ folder }) => {
  const file = await configFile(folder)
  const printed = await heirloom(folder, ['config', 'print', '--config', file])
  assert.match(printed.stdout, /^  reserve: 3s$/m)
  await writeFile(file, printed.stdout)
  assert.is((await heirloom(folder, ['config', 'check', '--config', file])).code, 0)
  const { last } = await heirloom(folder, ['config', 'print', '--config', file, '--json'])
  assert.is((last['config'] as { policy: { keep: string } }).policy.keep, '6h')
})

test('config schema is a JSON Schema of the written form', async ({ folder }) => {
  const { last } = await heirloom(folder, ['config', 'schema', '--json'])
  const schema = last['schema'] as { required: string[]; properties: Record<string, { description?: string; default?: unknown }> }
  assert.equal(schema.required, ['relays', 'key', 'sources'])
  for (const [name, property] of Object.entries(schema.properties)) assert.ok(property.description, name)
  assert.is(schema.properties['await']!.default, '15m')
})

test('send without a relay that answers exits with 69, with a key that is none with 78', async ({ folder }) => {
  const key = await keyFile(folder)
  const send = (given: string) => heirloom(folder, ['send', '--relay', relay, '--key', given, '--directory', folder, '--json'])
  const [unreachable, publicHalf, none] = await Promise.all([send(key), send(`${key}.pub`), send('nowhere.key')])
  assert.is(unreachable.code, 69)
  assert.is(unreachable.last['event'], 'error')
  assert.is(publicHalf.code, 78)
  assert.is(none.code, 78)
})

test('handoff tells the agent why and how long, and ends as the handoff did', async ({ folder }) => {
  const socket = join(folder, 'peer.sock')
  const asked: unknown[] = []
  const outcomes = ['delivered', 'parked', 'partial', 'fenced']
  const server = await agent(socket, (method, path, body) => {
    asked.push([method, path, JSON.parse(body)])
    return { body: JSON.stringify({ ...delivered, outcome: outcomes[asked.length - 1] }) }
  })
  try {
    const codes: number[] = []
    for (const _ of outcomes)
      codes.push((await heirloom(folder, ['handoff', '--deadline', '90s', '--reason', 'kernel', '--socket', socket])).code)
    assert.equal(codes, [0, 0, 3, 77])
    assert.equal(asked[0], ['POST', '/v1/handoff', { reason: 'kernel', deadlineMs: 90_000 }])
  } finally {
    server.close()
  }
})

test('handoff finds the socket in the configuration, and prints the result', async ({ folder }) => {
  const socket = join(folder, 'own.sock')
  const file = await configFile(folder, 'socket: own.sock\n')
  const server = await agent(socket, () => ({ body: JSON.stringify(delivered) }))
  try {
    const { stdout } = await heirloom(folder, ['handoff', '--config', file])
    assert.match(stdout, /delivered/)
    assert.match(stdout, /lane stream +2.10 KB in 1 packs/)
    assert.equal((await heirloom(folder, ['handoff', '--config', file, '--json'])).last, delivered)
  } finally {
    server.close()
  }
})

test('an agent that refuses, talks nonsense or is not there is told apart', async ({ folder }) => {
  const socket = join(folder, 'peer.sock')
  const answers = [
    { status: 503, body: JSON.stringify({ error: { status: 23, message: 'a handoff is under way', hint: 'wait for it' } }) },
    { body: '<html>' },
    { body: '{}' },
  ]
  const server = await agent(socket, () => answers.shift()!)
  try {
    const busy = await heirloom(folder, ['handoff', '--socket', socket])
    assert.is(busy.code, 69)
    assert.match(busy.stderr, /a handoff is under way\nhint: wait for it/)
    assert.is((await heirloom(folder, ['handoff', '--socket', socket])).code, 77)
    assert.is((await heirloom(folder, ['handoff', '--socket', socket])).code, 77)
  } finally {
    server.close()
  }
  const absent = await heirloom(folder, ['status', '--socket', join(folder, 'none.sock')])
  assert.is(absent.code, 69)
  assert.match(absent.stderr, /is `heirloom peer` running\?/)
})

test('status shows what the agent says, and --watch what happens then', async ({ folder }) => {
  const socket = join(folder, 'peer.sock')
  const server = await agent(socket, (_, path) =>
    path === '/v1/events'
      ? { type: 'text/event-stream', body: 'event: claim\ndata: {"event":"claim","atMs":1,"epoch":2}\n\nevent: odd\ndata: not json\n\n' }
      : { body: JSON.stringify({ part: 'successor', relay: { connected: true } }) },
  )
  try {
    const { stdout } = await heirloom(folder, ['status', '--socket', socket])
    assert.match(stdout, /part +successor\nrelay\.connected +true/)
    const watched = await heirloom(folder, ['status', '--watch', '--json', '--socket', socket])
    assert.is(watched.code, 0)
    const rows = watched.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.equal(
      rows.map(({ event }) => event),
      ['status', 'claim', 'odd', 'result'],
    )
    assert.is(rows[1]!['epoch'], 2)
  } finally {
    server.close()
  }
})

test('doctor names what is broken, what to do, and exits with the worst of it', async ({ folder }) => {
  await keyFile(folder)
  const file = await configFile(folder)
  const { code, stdout, last } = await heirloom(folder, ['doctor', '--config', file, '--json'])
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { check: string; level: string; hint?: string })
  const levels = Object.fromEntries(rows.map(({ check, level }) => [check, level]))
  assert.is(code, 69)
  assert.is(last['exitCode'], 69)
  assert.is(levels['key'], 'ok')
  assert.is(levels['identity'], 'ok')
  assert.is(levels['state'], 'ok')
  assert.is(levels['source models'], 'ok')
  assert.is(levels[`relay ${relay}`], 'fail')
  assert.match(rows.find(({ check }) => check.startsWith('relay'))!.hint!, /is the relay running/)
})

test('--quiet leaves errors and what a script would read', async ({ folder }) => {
  const made = await heirloom(folder, ['keygen', '--pool', 'a', '--out', 'a.key', '--quiet'])
  assert.is(made.stdout + made.stderr, '')
  assert.match((await heirloom(folder, ['identity', '--quiet'])).stdout, /^12D3KooW/)
  assert.match((await heirloom(folder, ['keygen', '--quiet'])).stderr, /--pool is missing/)
})

test.run()
