// A directory from one process to another, over the relay, by real processes: how it goes well, and what is refused.
// time-out: 300 s

import { globSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Fleet } from '../helpers/fleet.ts'
import type { Row } from '../helpers/process.ts'
import { seeded } from '../helpers/seed.ts'
import { makeTree, treeDifferences } from '../helpers/tree.ts'

const test = suite('handoff')

interface Counts {
  readonly outcome: string
  readonly epoch: number
  readonly chunks: { planned: number; delivered: number; leftOut: number }
  readonly lanes: Record<string, { packs: number; bytes: number }>
  readonly resentBytes: number
}

const counts = (row: Row) => row as unknown as Counts
/** Packs that went from peer to peer. */
const direct = (row: Row) => counts(row).lanes['stream']!.packs + counts(row).lanes['fast']!.packs

test('claim 1: a handoff goes directly to a successor that waits, and nothing goes to the store', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  makeTree(source, seeded(1), { large: [3_500_000] })
  const receiving = fleet.receive(join(fleet.folder, 'target'))
  await fleet.waiting(1)
  const sent = await fleet.send(source).end()
  const received = await receiving.end()
  assert.is(sent.code, 0, sent.stderr)
  assert.is(received.code, 0, received.stderr)
  assert.is(counts(sent.result).outcome, 'delivered')
  assert.is(counts(received.result).outcome, 'delivered')
  assert.ok(direct(sent.result) > 0)
  assert.is(counts(sent.result).lanes['store']!.packs, 0)
  assert.is(counts(sent.result).resentBytes, 0)
  assert.equal(treeDifferences(source, join(fleet.folder, 'target')), [])
})

test('claim 1: a handoff is parked at the relay when nobody waits, and a successor that comes later restores it', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  makeTree(source, seeded(2), { large: [2_100_000] })
  const sent = await fleet.send(source).end()
  assert.is(sent.code, 0, sent.stderr)
  assert.is(counts(sent.result).outcome, 'parked')
  const received = await fleet.receive(join(fleet.folder, 'target')).end()
  assert.is(received.code, 0, received.stderr)
  assert.is(counts(received.result).outcome, 'delivered')
  assert.is(counts(received.result).chunks.delivered, counts(sent.result).chunks.planned)
  assert.equal(treeDifferences(source, join(fleet.folder, 'target')), [])
})

test('a successor that comes in the middle gets what is stored from the relay and the rest directly, nothing twice', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  makeTree(source, seeded(3), { large: [8_000_000, 8_000_000] })
  // Slowly enough that the successor's process has started long before the end.
  const sending = fleet.send(source, ['--max-rate', '2MB/s', '--deadline', '60s'])
  await sending.row('pack', 3)
  const received = await fleet.receive(join(fleet.folder, 'target')).end()
  const sent = await sending.end()
  assert.is(sent.code, 0, sent.stderr)
  assert.is(received.code, 0, received.stderr)
  const { lanes, resentBytes } = counts(received.result)
  assert.ok(lanes['store']!.packs >= 3, 'what was stored came from the relay')
  assert.ok(direct(received.result) >= 1, 'the rest came directly')
  assert.is(resentBytes, 0)
  assert.is(counts(sent.result).resentBytes, 0)
  assert.equal(treeDifferences(source, join(fleet.folder, 'target')), [])
})

test('a deadline that cuts the handoff ends it as partial, and what was acknowledged is restored', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  makeTree(source, seeded(4), { large: [4_000_000, 4_000_000, 4_000_000] })
  const sent = await fleet.send(source, ['--max-rate', '2MB/s', '--deadline', '2s', '--reserve', '500ms']).end()
  assert.is(sent.code, 3, sent.stderr)
  assert.is(counts(sent.result).outcome, 'partial')
  assert.ok(counts(sent.result).chunks.leftOut > 0)
  const received = await fleet.receive(join(fleet.folder, 'target')).end()
  assert.is(received.code, 3, received.stderr)
  assert.is(counts(received.result).outcome, 'partial')
  assert.equal(treeDifferences(source, join(fleet.folder, 'target'), { partial: true }), [])
})

test('two successors: exactly one gets the handoff, the other finds nothing to do', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  makeTree(source, seeded(5))
  const sent = await fleet.send(source).end()
  assert.is(sent.code, 0, sent.stderr)
  const both = await Promise.all(['one', 'two'].map((name) => fleet.receive(join(fleet.folder, name), ['--wait', '3s']).end()))
  const codes = both.map(({ code }) => code).sort((a, b) => a! - b!)
  assert.equal(codes, [0, 4])
  assert.ok(both.some(({ result }) => counts(result).outcome === 'nothing'))
})

test('bad input: the key of a foreign pool is refused with exit 77 and a hint', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  makeTree(source, seeded(6), { files: 3 })
  const foreign = join(fleet.folder, 'foreign.key')
  await fleet.keygen(foreign)
  for (const { code, stderr } of [
    await fleet.send(source, [], { key: foreign }).end(),
    await fleet.receive(join(fleet.folder, 't'), [], { key: foreign }).end(),
  ]) {
    assert.is(code, 77, stderr)
    assert.match(stderr, /pool/)
  }
})

test('bad input: a file that is no key is a configuration error, exit 78', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  await writeFile(join(fleet.folder, 'wrong.key'), 'not a key')
  const { code, stderr } = await fleet.send(source, [], { key: join(fleet.folder, 'wrong.key') }).end()
  assert.is(code, 78, stderr)
})

test('bad input: without a relay, send and receive end with exit 69', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  fleet.relay!.kill('SIGKILL')
  await fleet.relay!.end()
  assert.is((await fleet.send(source).end()).code, 69)
  assert.is((await fleet.receive(join(fleet.folder, 'target')).end()).code, 69)
})

test('bad input: a directory that is not there ends with exit 74', async () => {
  await using fleet = await Fleet.start()
  assert.is((await fleet.send(join(fleet.folder, 'nowhere')).end()).code, 74)
})

test('a VM with only a certificate can send; with an expired one, or one without `send`, it is refused', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  makeTree(source, seeded(7), { files: 5 })
  const identity = join(fleet.folder, 'identity.key')
  const made = await fleet.run(['peer/cli.ts', 'identity', '--out', identity, '--json']).end()
  assert.is(made.code, 0, made.stderr)
  const peer = JSON.parse(await readFile(identity, 'utf8')) as { peer: string }
  const certify = async (name: string, ...args: string[]) => {
    const out = join(fleet.folder, name)
    const { code, stderr } = await fleet
      .run(['peer/cli.ts', 'certify', '--key', fleet.key, '--peer', peer.peer, '--out', out, '--json', ...args])
      .end()
    assert.is(code, 0, stderr)
    return out
  }
  const good = await certify('good.cert', '--may', 'send')
  assert.is((await fleet.send(source, ['--identity', identity], { key: good }).end()).code, 0)
  const receiveOnly = await certify('receive.cert', '--may', 'receive')
  assert.is((await fleet.send(source, ['--identity', identity], { key: receiveOnly }).end()).code, 77)
  const target = await fleet.receive(join(fleet.folder, 'target')).end()
  assert.is(target.code, 0, target.stderr)
  assert.equal(treeDifferences(source, join(fleet.folder, 'target')), [])
})

test('a restored directory keeps a newer file that is there already, and says so', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  makeTree(source, seeded(8), { files: 4 })
  const target = join(fleet.folder, 'target')
  await mkdir(target)
  await writeFile(join(target, 'empty'), 'written here, later')
  assert.is((await fleet.send(source).end()).code, 0)
  const received = await fleet.receive(target).end()
  assert.is(received.code, 3, received.stderr)
  assert.is(await readFile(join(target, 'empty'), 'utf8'), 'written here, later')
  assert.match(JSON.stringify(received.result['notes']), /a newer file is here/)
})

test('the relay keeps no plain byte and no name of the state on its disk', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  await writeFile(join(source, 'a-telling-file-name'), 'a telling content '.repeat(1000))
  assert.is((await fleet.send(source).end()).code, 0)
  fleet.relay!.kill('SIGTERM')
  assert.is((await fleet.relay!.end()).code, 0, 'SIGTERM is a clean drain')
  for (const file of globSync('**/*', { cwd: join(fleet.folder, 'store'), withFileTypes: true }).filter((entry) => entry.isFile())) {
    const bytes = await readFile(join(file.parentPath, file.name))
    assert.not.ok(file.name.includes('telling') || bytes.includes('telling'), `plain text at the relay: ${file.name}`)
  }
})

test.run()
