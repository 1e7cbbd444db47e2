// What the demo shows: its table, its lines, its options.

import { Writable } from 'node:stream'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { parseDemoOptions } from '../../scripts/demo/options.ts'
import { peerConfig } from '../../scripts/demo/peer-config.ts'
import { createShow } from '../../scripts/demo/show.ts'
import { renderTable } from '../../scripts/demo/table.ts'
import { configSchema } from '../../peer/config/schema.ts'

const test = suite('what the demo shows')

test('a table puts cells under their heads and wraps long ones at commas', () => {
  const text = renderTable(
    ['', 'direct', 'later'],
    [
      ['first', 'tables, sessions, products', '-'],
      ['rate', '96 %', '95 %'],
    ],
    18,
  )
  assert.is(
    text,
    [
      '         direct             later',
      '  ───────────────────────────────',
      '  first  tables, sessions,  -',
      '         products',
      '  rate   96 %               95 %',
    ].join('\n'),
  )
})

test('without a terminal a bar is one plain line that says how it ended', () => {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  const show = createShow(stream)
  {
    using bar = show.bar('handing off', 100)
    bar.update(10, '10 MB')
    bar.update(100, '100 MB')
  }
  assert.is(text, `  ${'handing off'.padEnd(36)} 100 MB\n`)
})

test('the options have their defaults, and wrong ones are refused', () => {
  const read = (...args: string[]) => parseDemoOptions(args, () => {})
  const defaults = { directory: undefined, directoryBytesMax: 600e6, loadMs: 6000, servedMs: 5000, seed: 1, json: false, keep: false }
  assert.equal(read(), defaults)
  assert.equal(
    read('--directory', 'd', '--max-directory', '1MiB', '--seconds', '2.5', '--serve', '40', '--seed', '9', '--json', '--keep'),
    {
      directory: 'd',
      directoryBytesMax: 2 ** 20,
      loadMs: 2500,
      servedMs: 40_000,
      seed: 9,
      json: true,
      keep: true,
    },
  )
  for (const args of [['--seconds', '0'], ['--serve', '-1'], ['--seconds', 'x'], ['--seed', '-1'], ['--max-directory', '5'], ['--what']])
    assert.throws(() => read(...args))
})

test('the configuration file of a peer of the demo passes the schema of the peer', () => {
  const common = {
    relays: [`/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf`],
    keyFile: '/k',
    socket: '/s',
  }
  const more = { stateDirectory: '/state', shopSocket: '/shop', directory: '/d' }
  for (const exclude of [[], ['large']]) {
    const checked = configSchema.safeParse(parse(peerConfig({ ...common, ...more, exclude })))
    assert.ok(checked.success, JSON.stringify(checked.error?.issues))
  }
})

test.run()
