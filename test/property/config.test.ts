import * as fc from 'fast-check'
import { stringify } from 'yaml'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ConfigError } from '../../src/config/config-file.ts'
import { laneKinds } from '../../src/lane/lane.ts'
import { reactions } from '../../src/plan/policy.ts'
import { formatDuration, formatRate, formatSize } from '../../src/units.ts'
import { readConfig } from '../../peer/config/load-config.ts'
import { printConfig } from '../../peer/config/print-config.ts'
import type { PeerConfig } from '../../peer/config/schema.ts'

const test = suite('configurations of any kind')

const relay = '/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWGRUVh7zpMtBkBcAKXvsUm7x6jnNbLSDk4hVvqmZJgZ4S'

/** The configuration, or undefined when it was refused in the one way that is allowed. */
function read(text: string): PeerConfig | undefined {
  try {
    return readConfig(text, 'peer.yaml', {})
  } catch (thrown) {
    assert.instance(thrown, ConfigError)
    const { problems, exitCode } = thrown as ConfigError
    assert.is(exitCode, 78)
    assert.ok(problems.length > 0)
    for (const { line, column, message } of problems) assert.ok(line >= 1 && column >= 1 && message !== '')
    return undefined
  }
}

const size = fc.integer({ min: 1, max: 2 ** 50 }).map(formatSize)
const duration = fc.integer({ min: 1000, max: 600_000_000 }).map(formatDuration)
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/)
const path = fc.stringMatching(/^\/[a-zA-Z0-9 :#'"-]{1,30}$/)
const option = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined })

const source = fc.oneof(
  fc.record({ kind: fc.constant('directory'), path, exclude: option(fc.array(fc.string({ minLength: 1 }), { maxLength: 3 })) }),
  fc.record({ kind: fc.constant('app'), url: fc.constant('unix:/run/app.sock'), timeout: option(duration) }),
)

const division = fc.oneof(
  fc.record({ by: fc.constantFrom('key', 'group'), parts: fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 16 }) }),
  fc
    .uniqueArray(fc.integer({ min: 1, max: 16_383 }), { minLength: 1, maxLength: 20 })
    .map((bounds) => [...bounds.toSorted((a, b) => a - b).map((below, index) => ({ part: `p${index % 7}`, below })), { part: 'last' }])
    .map((ranges) => ({ by: 'redis-slot', ranges })),
)

const valid = fc.record({
  pool: option(name),
  relays: fc.array(fc.constant(relay), { minLength: 1, maxLength: 3 }),
  key: path,
  await: option(fc.oneof(duration, fc.constant('always'))),
  notices: option(
    fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('signal'), deadline: duration }),
        fc.record({ kind: fc.constant('file'), path }),
        fc.record({ kind: fc.constantFrom('aws', 'gcp'), deadline: duration }),
        fc.record({ kind: fc.constantFrom('azure', 'alibaba', 'tencent', 'auto'), every: fc.constantFrom('100ms', '2s', '1m') }),
      ),
    ),
  ),
  sources: fc
    .uniqueArray(fc.tuple(name, source), { minLength: 1, maxLength: 5, selector: ([own]) => own })
    .map((list) => list.map(([own, rest]) => ({ name: own, ...rest }))),
  policy: option(
    fc.record({
      on: option(fc.record({ preempt: fc.constantFrom(...reactions) })),
      lanes: option(fc.shuffledSubarray([...laneKinds], { minLength: 3 })),
      max_bytes: option(size),
      max_rate: option(fc.integer({ min: 1, max: 2 ** 50 }).map(formatRate)),
      keep: option(duration),
      parts: option(fc.array(name, { minLength: 1, maxLength: 3 })),
      split: option(division),
    }),
  ),
})

test('arbitrary text is read or refused as a configuration error', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => void read(text)))
})

test('arbitrary values under the known keys are read or refused as a configuration error', () => {
  const key = fc.oneof(
    fc.constantFrom(
      'pool',
      'relays',
      'key',
      'listen',
      'notices',
      'await',
      'sources',
      'policy',
      'on',
      'kind',
      'lanes',
      '__proto__',
      'constructor',
    ),
    fc.string(),
  )
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 5 }),
    ),
  }))
  fc.assert(fc.property(fc.dictionary(key, tree, { maxKeys: 8 }), (value) => void read(stringify(value))))
})

test('a valid configuration survives being printed and read again', () => {
  fc.assert(
    fc.property(valid, (value) => {
      const config = read(stringify(value, { keepUndefined: false }))
      assert.ok(config !== undefined)
      assert.equal(readConfig(printConfig(config), '/elsewhere/peer.yaml', {}), config)
    }),
    { numRuns: 60 },
  )
})

test('a valid file with one character changed is read or refused as a configuration error', () => {
  fc.assert(
    fc.property(valid, fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (value, at, character) => {
      const text = stringify(value)
      const index = at % text.length
      read(text.slice(0, index) + character + text.slice(index + 1))
    }),
    { numRuns: 100 },
  )
})

test('text nested ten thousand deep does not take the process with it', () => {
  assert.is(read('['.repeat(10_000)), undefined)
  assert.is(read(`a: ${'{b: '.repeat(10_000)}`), undefined)
})

test.run()
