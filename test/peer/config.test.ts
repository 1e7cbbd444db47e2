import { readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ConfigError } from '../../src/config/config-file.ts'
import { loadConfig, readConfig } from '../../peer/config/load-config.ts'
import { configNotes } from '../../peer/config/notes.ts'
import { printConfig } from '../../peer/config/print-config.ts'

const test = suite('configuration of the peer')

const env = { HOME: '/home/someone' }
const relay = '/dns4/relay.internal/tcp/4001/p2p/12D3KooWGRUVh7zpMtBkBcAKXvsUm7x6jnNbLSDk4hVvqmZJgZ4S'
const least = `relays: [${relay}]\nkey: checkout.key\nsources:\n  - { name: models, kind: directory, path: models }\n`

const full = `pool: checkout
relays: [${relay}]
key: /etc/heirloom/checkout.key
listen: [/ip4/0.0.0.0/tcp/4101]
data_port: 4102
socket: /run/heirloom/peer.sock
http: 127.0.0.1:9464
notices:
  - kind: signal
    deadline: 25s
  - kind: file
    path: /run/going
await: always
sources:
  - name: sessions
    kind: app
    url: unix:/run/shop/warm.sock
  - name: models
    kind: directory
    path: /var/cache/models
    divide: { by: content, target: 1MiB }
policy:
  "on": { rebalance: preship, preempt: handoff, terminate: handoff }
  lanes: [fast, stream, circuit, store]
  reserve: 3s
  max_bytes: 8GB
  max_rate: 800MB/s
  keep: 6h
  ready_at: { hit_mass: 0.8, or_after: 60s }
`

function problems(text: string, file = 'peer.yaml'): string[] {
  try {
    readConfig(text, file, env)
  } catch (thrown) {
    assert.instance(thrown, ConfigError)
    const error = thrown as ConfigError
    assert.is(error.exitCode, 78)
    return error.problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`)
  }
  throw new Error('the configuration was accepted')
}

test('every key of the contract is read, with units', () => {
  const config = readConfig(full, 'peer.yaml', env)
  assert.is(config.pool, 'checkout')
  assert.equal(config.relays, [relay])
  assert.is(config.dataPort, 4102)
  assert.is(config.awaitMs, 'always')
  assert.equal(config.notices, [
    { kind: 'signal', signal: 'SIGTERM', deadlineMs: 25_000 },
    { kind: 'file', path: '/run/going', deadlineMs: 25_000 },
  ])
  assert.is(config.sources[0]!.order, 'app')
  assert.equal(config.sources[1]!.divide, { by: 'content', targetBytes: 1_048_576 })
  const { machine, context, ...policy } = config.policy
  assert.equal(context, {})
  assert.is(machine.initial, 'guarding', 'the short form is expanded')
  assert.equal(policy, {
    on: { rebalance: 'preship', preempt: 'handoff', terminate: 'handoff' },
    prefer: {},
    worth: 1,
    origins: ['http:', 'https:'],
    parts: undefined,
    split: undefined,
    lanes: ['fast', 'stream', 'circuit', 'store'],
    reserveMs: 3000,
    maxBytes: 8e9,
    maxRateBytesPerSecond: 800e6,
    keepMs: 21_600_000,
    readyAt: { hitMass: 0.8, sources: {}, orAfterMs: 60_000 },

    preship: { rateBytesPerSecond: 10_485_760, everyMs: undefined },
    maxAgeMs: 3_600_000,
    demandWithinMs: 2000,
    misses: undefined,
  })
})

test('sources that other programs tell of are read with their units, paths and defaults, and written out again', () => {
  const sources = `
  - { name: shop, kind: app, url: 'http://127.0.0.1:8080', token_file: warm.token }
  - { name: pages, kind: pagecache, path: data }
  - { name: db, kind: postgresql, dsn: 'host=/run/postgresql', timeout: 2s }
  - { name: tool, kind: command, dump: [./dump, -v], load: [load], timeout: 1m }
  - { name: files, kind: directory, path: files, xattrs: true }
`
  const config = readConfig(least.replace(/sources:[^]*/, `sources:${sources}`), '/etc/heirloom/peer.yaml', env)
  assert.equal(
    config.sources.map((source) => ({ ...source })),
    [
      {
        name: 'shop',
        kind: 'app',
        url: 'http://127.0.0.1:8080',
        order: 'app',
        timeoutMs: undefined,
        tokenFile: '/etc/heirloom/warm.token',
      },
      { name: 'pages', kind: 'pagecache', path: '/etc/heirloom/data', order: 'forecast', python: 'python3' },
      { name: 'db', kind: 'postgresql', dsn: 'host=/run/postgresql', order: 'forecast', psql: 'psql', timeoutMs: 2_000 },
      { name: 'tool', kind: 'command', dump: ['/etc/heirloom/dump', '-v'], load: ['load'], order: 'app', timeoutMs: 60_000 },
      { name: 'files', kind: 'directory', path: '/etc/heirloom/files', order: 'forecast', xattrs: true },
    ],
  )
  assert.equal(readConfig(printConfig(config), '/etc/heirloom/peer.yaml', env).sources, config.sources)
})

test('a password has no place in the way to PostgreSQL', () => {
  for (const dsn of ['host=a password=b', 'postgresql://user:secret@host/db', 'PASSWORD = x']) {
    const text = least.replace(/sources:[^]*/, `sources: [{ name: db, kind: postgresql, dsn: '${dsn}' }]\n`)
    assert.match(problems(text).join(), /secrets have no place in this file/)
  }
})

test('what is left out has the documented default', () => {
  const config = readConfig(least, '/etc/heirloom/peer.yaml', env)
  assert.is(config.state, '/home/someone/.local/state/heirloom')
  assert.is(config.identity, '/home/someone/.local/state/heirloom/identity.key')
  assert.is(config.socket, '/home/someone/.local/state/heirloom/peer.sock')
  assert.equal(config.listen, ['/ip4/0.0.0.0/tcp/0'])
  assert.equal(config.notices, [{ kind: 'signal', signal: 'SIGTERM', deadlineMs: 25_000 }])
  assert.is(config.awaitMs, 900_000)
  assert.equal(config.policy.on, { rebalance: 'preship', preempt: 'handoff', terminate: 'handoff' })
  assert.is(config.policy.reserveMs, 3000)
  assert.is(config.policy.maxBytes, undefined)
})

test('the directories of systemd and of the XDG specification come before the home directory', () => {
  const at = (more: Record<string, string>) => readConfig(least, 'peer.yaml', { ...env, ...more })
  assert.is(at({ XDG_STATE_HOME: '/state' }).state, '/state/heirloom')
  assert.is(at({ XDG_STATE_HOME: '/state', STATE_DIRECTORY: '/var/lib/heirloom:/var/lib/other' }).state, '/var/lib/heirloom')
  assert.is(at({ XDG_RUNTIME_DIR: '/run/user/7' }).socket, '/run/user/7/heirloom/peer.sock')
  assert.is(at({ RUNTIME_DIRECTORY: '/run/heirloom', XDG_RUNTIME_DIR: '/run/user/7' }).socket, '/run/heirloom/peer.sock')
})

test('relative paths count from the file, those of flags from the working directory', () => {
  const config = readConfig(least, '/etc/heirloom/peer.yaml', env, { state: 'here' })
  assert.is(config.key, '/etc/heirloom/checkout.key')
  assert.is((config.sources[0] as { path: string }).path, '/etc/heirloom/models')
  assert.is(config.state, `${process.cwd()}/here`)
  assert.is(config.identity, `${process.cwd()}/here/identity.key`)
})

test('flags stand over the file', () => {
  const other = relay.replace('relay.internal', 'other.internal')
  assert.equal(readConfig(full, 'peer.yaml', env, { relays: [other] }).relays, [other])
})

test('on without quotes is a key, also under YAML 1.1', () => {
  const plain = `${least}policy:\n  on: { preempt: ignore }\n`
  assert.is(readConfig(plain, 'peer.yaml', env).policy.on.preempt, 'ignore')
  assert.is(readConfig(`%YAML 1.1\n---\n${plain}`, 'peer.yaml', env).policy.on.preempt, 'ignore')
})

test('an unknown key is refused with the nearest known one and its place', () => {
  assert.equal(problems(`relays: [${relay}]\nkey: k\nsorces: []\n`), [
    '1:1 sources: is missing',
    '3:1 sorces: unknown key "sorces", did you mean sources?',
  ])
  assert.equal(problems(`${least}policy:\n  max_byte: 8GB\n`), ['6:3 policy.max_byte: unknown key "max_byte", did you mean max_bytes?'])
})

test('all mistakes are told at once, with line, column and what was meant', () => {
  const text = `relays: [relay.internal]
key: k
await: 15
data_port: 70000
sources:
  - { name: a, kind: directory, path: x }
  - { name: a, kind: directroy, path: x }
  - { name: b, kind: app, url: "http://10.0.0.1:80" }
policy:
  keep: 6 hours
  max_bytes: 8G
  lanes: [store, stroe]
  on: { preempt: handof }
`
  const found = problems(text)
  const expected = [
    /^1:10 relays\[0\]: "relay.internal" is not an address/,
    /^3:8 await: expected a duration such as 15m/,
    /^4:12 data_port: must be at most 65535, found the number 70000/,
    /^7:22 sources\[1\].kind: "directroy" is not one of app, directory, redis, .*did you mean directory\?/,
    /^8:32 sources\[2\].url: .*loopback/,
    /^10:9 policy.keep: "6 hours" is not a duration/,
    /^11:14 policy.max_bytes: "8G" is not a size: write 8GB or 8GiB/,
    /^12:18 policy.lanes\[1\]: "stroe" is not one of .*did you mean store\?/,
    /^13:18 policy.on.preempt: "handof" is not one of .*did you mean handoff\?/,
  ]
  assert.is(found.length, expected.length, found.join('\n'))
  for (const [index, pattern] of expected.entries()) assert.match(found[index]!, pattern)
})

test('a division into parts is read and written out again', () => {
  const read = (text: string) => readConfig(`${least}policy: { ${text} }\n`, 'peer.yaml', env)
  const policy = (text: string) => {
    const config = read(text)
    assert.equal(readConfig(printConfig(config), 'peer.yaml', env).policy, config.policy)
    return config.policy
  }
  assert.equal(policy('parts: [a, "10.0.0.7:6379"]').parts, ['a', '10.0.0.7:6379'])
  assert.equal(policy('split: { parts: [b, a] }').split, { by: 'key', parts: ['b', 'a'] })
  const ranges = [{ part: 'a', below: 5461 }, { part: 'b', below: 10923 }, { part: 'a' }]
  assert.equal(policy(`split: { by: redis-slot, ranges: ${JSON.stringify(ranges)} }`).split, {
    by: 'redis-slot',
    parts: ['a', 'b'],
    ranges,
  })
  assert.match(configNotes(read('parts: [a, z], split: { parts: [a, b] }')).join(), /policy.parts: z is no part of policy.split/)
})

test('a division that leaves something open, or has it twice, is refused in words', () => {
  const wrong = (text: string) => problems(`${least}policy: { split: { ${text} } }\n`).join()
  const sixteen = Array.from({ length: 17 }, (_, index) => `p${index}`)
  assert.match(wrong('by: group'), /policy.split: must name at least two parts/)
  assert.match(wrong('parts: [a]'), /policy.split.parts: must name at least two parts/)
  assert.match(wrong('parts: [a, a]'), /policy.split.parts: names a part twice/)
  assert.match(wrong(`parts: [${sixteen.join()}]`), /policy.split.parts: .*16/)
  assert.match(wrong('parts: [a, b], ranges: [{ part: a, below: m }, { part: b }]'), /say one of the two/)
  assert.match(wrong('by: redis-slot, parts: [a, b]'), /needs ranges/)
  assert.match(wrong('ranges: [{ part: a, below: m }, { part: b, below: z }]'), /ranges\[1\].below: the last range has no end/)
  assert.match(wrong('ranges: [{ part: a }, { part: b }]'), /ranges\[0\]: says no end/)
  assert.match(wrong('ranges: [{ part: a, below: m }, { part: b, below: c }, { part: a }]'), /ranges\[1\].below: is not above/)
  assert.match(wrong('ranges: [{ part: a, below: 7 }, { part: b }]'), /ranges\[0\].below: a key is text: write "7"/)
  assert.match(wrong('by: redis-slot, ranges: [{ part: a, below: 16384 }, { part: b }]'), /a slot is a number from 1 to 16383/)
  assert.match(wrong('by: redis_slot, parts: [a, b]'), /did you mean redis-slot/)
})

test('two sources of one name are refused', () => {
  assert.match(
    problems(`${least}  - { name: models, kind: directory, path: y }\n`).join(),
    /5:13 sources\[1\].name: there is another source named models/,
  )
})

test("a cloud's notices have its own endpoint and pace unless the file says otherwise", () => {
  const notices = (text: string) => readConfig(`${least}notices: [${text}]\n`, 'peer.yaml', env).notices
  assert.equal(notices('{ kind: aws }, { kind: gcp }, { kind: azure }, { kind: alibaba }, { kind: tencent }, { kind: auto }'), [
    { kind: 'aws', endpoint: 'http://169.254.169.254', everyMs: 2_000, deadlineMs: 120_000 },
    { kind: 'gcp', endpoint: 'http://169.254.169.254', everyMs: 1_000, deadlineMs: 30_000 },
    { kind: 'azure', endpoint: 'http://169.254.169.254', everyMs: 1_000 },
    { kind: 'alibaba', endpoint: 'http://100.100.100.200', everyMs: 2_000 },
    { kind: 'tencent', endpoint: 'http://metadata.tencentyun.com', everyMs: 2_000 },
    { kind: 'auto', endpoint: undefined, everyMs: undefined },
  ])
  assert.equal(notices('{ kind: aws, endpoint: "http://127.0.0.1:1338", every: 500ms, deadline: 10m }'), [
    { kind: 'aws', endpoint: 'http://127.0.0.1:1338', everyMs: 500, deadlineMs: 600_000 },
  ])
  const wrong = (text: string) => problems(`${least}notices: [${text}]\n`).join()
  assert.match(wrong('{ kind: azure, deadline: 30s }'), /deadline/)
  assert.match(wrong('{ kind: aws, evry: 2s }'), /every/)
  assert.match(wrong('{ kind: aws, every: 10ms }'), /at least 100ms/)
  assert.match(wrong('{ kind: aws, endpoint: 169.254.169.254 }'), /a URL such as/)
})

test('servers are named by a URL without secrets, which are in files that count from the configuration', () => {
  const sources = (text: string) =>
    readConfig(`${least}  - ${text}\n`, '/etc/heirloom/peer.yaml', env).sources[1] as Record<string, unknown>
  const redis = sources(
    '{ name: r, kind: redis, url: "rediss://cache:6380/2", user: u, password_file: p, ca_file: ca.pem, databases: [2], max_key: 1MiB }',
  )
  assert.equal(
    [redis['passwordFile'], redis['caFile'], redis['maxKeyBytes'], redis['order']],
    ['/etc/heirloom/p', '/etc/heirloom/ca.pem', 1_048_576, 'forecast'],
  )
  assert.is(sources('{ name: m, kind: memcached, url: "memcached://127.0.0.1" }')['kind'], 'memcached')
  const wrong = (text: string) => problems(`${least}  - ${text}\n`).join()
  assert.match(wrong('{ name: r, kind: redis, url: "redis://:secret@cache" }'), /secrets have no place/)
  assert.is.not(wrong('{ name: r, kind: redis, url: "redis://:secret@cache" }').includes(':secret@'), true)
  assert.match(wrong('{ name: r, kind: redis, url: "http://cache" }'), /redis:\/\/127/)
  assert.match(wrong('{ name: r, kind: redis, url: "redis://cache/x" }'), /redis:\/\/127/)
  assert.match(wrong('{ name: r, kind: redis, url: "unix:redis.sock" }'), /absolute/)
  assert.match(wrong('{ name: r, kind: redis, url: "redis://cache", password: x }'), /password_file/)
  assert.match(wrong('{ name: r, kind: redis, url: "redis://cache", max_key: 1GiB }'), /at most 512MiB/)
  assert.match(wrong('{ name: m, kind: memcached, url: "memcached://cache/1" }'), /memcached:\/\/127/)
})

test('every lane of the contract is offered, each alone as well', () => {
  for (const lane of ['fast', 'stream', 'circuit', 'store'] as const) {
    const config = readConfig(`${least}policy: { lanes: [${lane}] }\n`, 'peer.yaml', env)
    assert.equal(config.policy.lanes, [lane])
    assert.not.match(configNotes(config).join('\n'), /policy.lanes/)
  }
})

const machine = `policy:
  context: { zone: eu-1a, price: 0.12 }
  machine:
    initial: up
    states:
      up:
        hold: 30s
        transitions:
          - { when: { all: [rebalance, { factor: load, below: 0.7 }] }, delay: 5s, do: [{ preship: { max_rate: 1MB/s } }] }
          - { when: { any: [preempt, terminate] }, to: going, urgent: true }
      going:
        entry: [handoff]
        final: true
`

test('a policy may be a state machine, and is printed as one; so is the short form', () => {
  const config = readConfig(least + machine, 'peer.yaml', env)
  assert.is(config.policy.machine.states['up']!.holdMs, 30_000)
  assert.match(printConfig(config), /factor: load\n +below: 0.7/)
  assert.equal(readConfig(printConfig(config), 'peer.yaml', env), config)
  const short = readConfig(least, 'peer.yaml', env)
  assert.match(printConfig(short), /handing-off:\n +entry:\n +- handoff/)
  assert.equal(readConfig(printConfig(short), 'peer.yaml', env), short)
})

test('mistakes of a state machine are told with their lines: what is misspelt, what is never reached, what leads nowhere', () => {
  assert.equal(problems(least + machine.replace('[preempt, terminate]', '[preemt, terminate]')), [
    '14:21 policy.machine.states.up.transitions[1].when: there is no event preemt, did you mean preempt?',
  ])
  assert.equal(problems(`${least}${machine}      lonely: { final: true }\n`), [
    "18:15 policy.machine.states.lonely: state lonely can't be reached",
  ])
  assert.match(problems(least + machine.replace('        final: true\n', '')).join(), /^16:9 .*state going is a dead end/)
  assert.match(problems(least + machine.replace('factor: load', 'factor: lod')).join(), /expected an event such as preempt, or a map/)
  assert.match(problems(least + machine.replace('hold: 30s', 'hodl: 30s')).join(), /unknown key "hodl", did you mean hold\?/)
})

test('what the README shows of sources and policies is a valid configuration', async () => {
  const text = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const blocks = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block!)
  const parts = blocks.filter((block) => /^(sources|policy):/.test(block))
  const policies = parts.filter((block) => block.startsWith('policy:'))
  const sources = parts.filter((block) => block.startsWith('sources:'))
  const readAll = (policy: string) => sources.map((block) => readConfig(`relays: [${relay}]\nkey: k\n${block}${policy}`, 'README.md', env))
  const [divided, divisible, machine] = policies.map(readAll)
  assert.equal(divided![0]!.policy.split!.parts, ['a', 'b', 'c'])
  assert.equal(divisible![0]!.policy.parts, ['b'])
  const configs = machine!
  assert.equal(configs[0]!.sources[0]!.share, { least: 0.2, most: 0.6 })
  assert.equal(
    configs[1]!.sources.map(({ kind }) => kind),
    ['redis', 'memcached'],
  )
  for (const config of configs) assert.ok('hinted' in config.policy.machine.states)
})

test('a secret in the place of a file name is not repeated', () => {
  const found = problems(
    `relays: [${relay}]\nkey: |\n  { "heirloom": "pool secret", "signingSeed": "c2VjcmV0" }\nsources: [{ name: a, kind: directory, path: x }]\n`,
  ).join()
  assert.match(found, /2:6 key: is not the name of a file/)
  assert.not.match(found, /c2VjcmV0/)
})

test('broken YAML says where', () => {
  assert.match(problems('relays: [\nkey: k\n').join(), /not valid YAML/)
  assert.match(problems(`${least}key: again\n`).join(), /^5:1 : not valid YAML: Map keys must be unique/)
  assert.match(problems('- a\n- b\n').join(), /^1:1 : expected a map of keys, found a list/)
  assert.match(problems('a: &a [*a, *a]\n').join(), /YAML|unknown key/)
})

test('an empty file says what is missing', () => {
  assert.equal(problems(''), ['1:1 relays: is missing', '1:1 key: is missing', '1:1 sources: is missing'])
})

test('what is printed reads as the same configuration', () => {
  for (const text of [least, full]) {
    const config = readConfig(text, '/etc/heirloom/peer.yaml', env)
    assert.equal(readConfig(printConfig(config), '/elsewhere/peer.yaml', {}), config)
  }
})

test('a configuration is frozen through and through', () => {
  const config = readConfig(full, 'peer.yaml', env)
  assert.throws(() => Object.assign(config.policy.on, { preempt: 'ignore' }), /read only/)
})

test('a file that is not there is a configuration error', async () => {
  const error = (await loadConfig('/nowhere/peer.yaml', env).catch((thrown: unknown) => thrown)) as ConfigError
  assert.is(error.exitCode, 78)
})

test.run()
