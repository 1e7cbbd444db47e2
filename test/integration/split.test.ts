// A state that is divided among several heirs: each gets its own keys and no others, what has no heir waits for one, and what becomes of one part is
// nothing to the others.
// time-out: 300 s

import { linkSync, mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HandoffResult, InventoryQuery } from 'heirloom'
import { helloTimeoutMs } from '../../src/limits/lane.ts'
import { splitPartsMax } from '../../src/limits/plan.ts'
import { createPartition } from '../../peer/split/partition.ts'
import { startAgent } from '../helpers/agent.ts'
import { Fleet } from '../helpers/fleet.ts'
import { openScene, type PeerScene } from '../helpers/peer-scene.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { makeTemp } from '../helpers/temp.ts'
import { describeTree } from '../helpers/tree.ts'
import { heldChunk, serveWarmApp, type HeldChunk, type WarmApp } from '../helpers/warm-app.ts'

const test = suite('split')

const parts = ['a', 'b', 'c']
const { partOf } = createPartition({ by: 'key', parts })
const isOf = (part: string, source: string) => (key: string) => partOf({ source, key }) === part

const metadata = heldChunk('schema', 5_000, { kind: 'metadata' })
const chunks = Array.from({ length: 60 }, (_, index) => heldChunk(`user:${index}`, 3_000 + index, { version: '1' }))
/** So many that most travel in groups. */
const keys = Array.from({ length: 14_000 }, (_, index) => `session:${index}`)
const files = Array.from({ length: 40 }, (_, index) => `folder ${index % 3}/file ${index}`)
const largeFile = 'folder 0/large'

const inherited = ({ event }: { event: string }) => event === 'inherited'
const idsOf = (app: WarmApp) => [...app.restored.keys()].toSorted()
const isReady = ({ event }: { event: string }) => event === 'ready'

function expectChunks(app: WarmApp, held: Iterable<HeldChunk>, because = ''): void {
  const expected = new Map([...held].map(({ id, content }) => [id, content]))
  assert.equal(idsOf(app), [...expected.keys()].toSorted(), because)
  for (const [id, content] of expected) assert.equal(app.restored.get(id), content, id)
}

function makeFiles(folder: string): void {
  for (const name of [...files, largeFile]) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), name === largeFile ? Buffer.alloc(2_500_000, name) : name.repeat(100))
    utimesSync(join(folder, name), 1_600_000_000, 1_600_000_000)
  }
  for (const index of [0, 1, 2]) utimesSync(join(folder, `folder ${index}`), 1_600_000_000, 1_600_000_000)
}

/** These keys and no others. */
async function expectKeys(redis: TestRedis, expected: readonly string[], because: string): Promise<void> {
  assert.is(Number(await redis.ask(['EXISTS', ...expected])), expected.length, because)
  assert.is(Number(await redis.ask(['DBSIZE'])), expected.length, because)
  assert.is((await redis.get(expected[0]!))?.toString(), `value of ${expected[0]}`)
}

/** For each of these parts an heir that waits for it, with an application of its own. */
async function waitingHeirs(scene: PeerScene, ofParts: readonly string[]) {
  const heirs = await Promise.all(
    ofParts.map(async (part) => {
      const { app } = await scene.app()
      return { part, app, peer: await scene.start(`heir ${part}`, app, { parts: [part] }) }
    }),
  )
  for (const { peer } of heirs) await peer.event(isReady)
  return heirs
}

test('two heirs get their own keys of an application, a directory and a Redis; the third part waits for an heir that comes late', async () => {
  await using resources = new AsyncDisposableStack()
  const fleet = resources.use(await Fleet.start())
  const oldApp = resources.use(await serveWarmApp([metadata, ...chunks]))
  const oldRedis = resources.use(await startRedis())
  await oldRedis.fill(keys.map((key) => [key, `value of ${key}`] as const))
  const source = await fleet.directory('source')
  makeFiles(source)
  const agent = async (name: string, app: WarmApp, redis: TestRedis, path: string, policy: object) =>
    await startAgent(fleet, name, {
      sources: [
        { name: 'shop', kind: 'app', url: app.url },
        { name: 'files', kind: 'directory', path, metadata: ['**/file 0'] },
        { name: 'cache', kind: 'redis', url: redis.url },
      ],
      policy: { ...policy },
    })
  const heir = async (part: string) => {
    const app = resources.use(await serveWarmApp([]))
    const redis = resources.use(await startRedis())
    const path = join(fleet.folder, `target ${part}`)
    return { part, app, redis, path, agent: await agent(`heir ${part}`, app, redis, path, { parts: [part] }) }
  }
  const [old, heirA, heirB] = await Promise.all([agent('old', oldApp, oldRedis, source, { split: { parts } }), heir('a'), heir('b')])
  await fleet.waiting(3)
  old.program.kill('SIGTERM')
  const { code, result: row, stderr } = await old.program.end()
  const result = row as unknown as HandoffResult
  assert.is(code, 0, stderr)
  assert.is(result.outcome, 'parked', JSON.stringify(result))
  assert.equal(
    result.parts!.map(({ part, outcome }) => [part, outcome]),
    [
      ['a', 'delivered'],
      ['b', 'delivered'],
      ['c', 'parked'],
    ],
  )
  assert.is(new Set(result.parts!.map(({ handoff }) => handoff)).size, parts.length)
  assert.is(
    result.chunks.delivered,
    result.parts!.reduce((sum, part) => sum + part.chunks.delivered, 0),
  )
  assert.equal(oldApp.asked('inventory'), [''], 'asked once for all parts')
  const late = await heir('c')
  for (const { part, app, redis, path, agent: own } of [heirA, heirB, late]) {
    const ended = await own.program.row('inherited')
    assert.is(ended['handoff'], result.parts!.find((each) => each.part === part)!.handoff)
    assert.is(ended['outcome'], 'delivered', JSON.stringify(ended))
    expectChunks(app, [metadata, ...chunks.filter(({ id }) => isOf(part, 'shop')(id))], part)
    await expectKeys(redis, keys.filter(isOf(part, 'cache')), part)
    const expected = describeTree(source)
    for (const name of [...files, largeFile]) if (name !== 'folder 0/file 0' && !isOf(part, 'files')(name)) expected.delete(name)
    assert.equal([...describeTree(path).keys()], [...expected.keys()], part)
    assert.equal(describeTree(path), expected, part)
    const receipt = await own.receipt()
    assert.is(receipt['part'], part, 'its own receipt, as the predecessor signed it')
  }
})

test('one heir that takes any part inherits all of them, one after the other', async () => {
  await using scene = await openScene()
  await using temp = await makeTemp()
  makeFiles(temp.at('source'))
  linkSync(temp.at(`source/${files[1]}`), temp.at('source/another name'))
  const { app } = await scene.app([metadata, ...chunks])
  const { app: newApp } = await scene.app()
  const old = await scene.start('old', app, { split: { parts } }, { directory: temp.at('source') })
  const heir = await scene.start('heir', newApp, {}, { directory: temp.at('target') })
  await heir.event(isReady)
  const result = await old.running.handOff({ reason: 'test', deadlineMs: 20_000 })
  assert.ok(['delivered', 'parked'].includes(result.outcome), JSON.stringify(result))
  const receipt = JSON.parse(old.running.receipt()!) as { part?: string; sources: { name: string; chunks: object }[]; parts: object[] }
  assert.is(receipt.part, undefined)
  assert.equal(receipt.sources[0], { ...receipt.sources[0]!, name: 'shop', chunks: { planned: 63, delivered: 63 } })
  assert.equal(
    receipt.parts.map((each) => (each as { part: string }).part),
    parts,
  )
  await heir.event((event) => inherited(event) && heir.events.filter(inherited).length === parts.length)
  expectChunks(newApp, [metadata, ...chunks])
  assert.equal(describeTree(temp.at('target')), describeTree(temp.at('source')))
  assert.is(statSync(temp.at('target/another name')).nlink, 2, 'further names of a file go where it goes')
})

test('an application says whose its chunks are, and a program says it for sources that do not', async () => {
  await using scene = await openScene()
  const queries: InventoryQuery[] = []
  const own = new Map(chunks.slice(0, 20).map((chunk, index) => [chunk.id, { ...chunk, part: index < 5 ? 'b' : 'a' }]))
  await using app = await serveWarmApp([...own.values(), ...chunks.slice(20, 40), { ...heldChunk('lost', 9), part: 'nobody' }], {
    inventory: (query) => {
      queries.push(query)
      return [...own.values(), ...chunks.slice(20, 40), heldChunk('lost', 9, { part: 'nobody' })].map(({ content, ...chunk }) => ({
        ...chunk,
        bytes: content.byteLength,
      }))
    },
  })
  const inB = ({ id }: { id: string }) => id === 'lost' || id.endsWith('7')
  const old = await scene.start('old', app, { split: { parts: ['a', 'b'] } }, { partOf: ({ key }) => (inB({ id: key }) ? 'b' : 'a') })
  const heirs = await waitingHeirs(scene, ['a', 'b'])
  const result = await old.running.handOff({ reason: 'test', deadlineMs: 20_000 })
  assert.is(result.outcome, 'delivered', JSON.stringify(result))
  assert.equal(queries[0]!.parts, ['a', 'b'])
  const ofB = [...[...own.values()].slice(0, 5), ...chunks.slice(20, 40).filter(inB), heldChunk('lost', 9)].map(({ id }) => id)
  for (const { part, app: newApp, peer } of heirs) {
    await peer.event(inherited)
    const all = [...own.keys(), ...chunks.slice(20, 40).map(({ id }) => id), 'lost']
    assert.equal(idsOf(newApp), all.filter((id) => ofB.includes(id) === (part === 'b')).toSorted(), part)
  }
})

test('the parts share what the policy allows, and what is cut has lost the least of each', async () => {
  await using scene = await openScene()
  const many = Array.from({ length: 200 }, (_, index) => heldChunk(`page ${index}`, 100_000, { readProbability: index < 20 ? 1 : 0.01 }))
  const { app } = await scene.app([metadata, ...many])
  const old = await scene.start('old', app, { split: { parts }, max_bytes: '9MB', lanes: ['store'] })
  await old.event(({ event }) => event === 'warmed')
  const result = await old.running.handOff({ reason: 'test', deadlineMs: 20_000 })
  assert.is(result.outcome, 'partial')
  assert.ok(result.bytes.sealed <= 9e6, `${result.bytes.sealed} bytes`)
  assert.ok(result.bytes.delivered > 5e6, 'a limit of all is not a third of it')
  for (const { part, chunks: own, hitMass } of result.parts!) {
    assert.ok(own.delivered > 1 && own.delivered < own.planned, part)
    assert.ok(hitMass.delivered > 0.5, `${part}: ${hitMass.delivered}`)
  }
})

test('what fails in one part is nothing to the others', async () => {
  await using scene = await openScene()
  const held = [metadata, ...chunks]
  await using app = await serveWarmApp(held, {
    read: (id) => {
      if (isOf('b', 'shop')(id) && id !== metadata.id) throw new Error('this shard is broken')
      return { body: held.find((chunk) => chunk.id === id)!.content }
    },
  })
  const old = await scene.start('old', app, { split: { parts } })
  const heirs = await waitingHeirs(scene, ['a', 'b'])
  const result = await old.running.handOff({ reason: 'test', deadlineMs: 20_000 })
  assert.equal(
    result.parts!.map(({ outcome }) => outcome),
    ['delivered', 'partial', 'parked'],
    JSON.stringify(result),
  )
  assert.is(result.outcome, 'partial')
  for (const { part, app: newApp, peer } of heirs) {
    await peer.event(inherited)
    expectChunks(newApp, [metadata, ...(part === 'b' ? [] : chunks.filter(({ id }) => isOf('a', 'shop')(id)))], part)
  }
})

test('as many parts as there may be go to the relay at once, none after another', async () => {
  await using scene = await openScene()
  const names = Array.from({ length: splitPartsMax }, (_, index) => `part ${index}`)
  const { app } = await scene.app([metadata, ...chunks])
  const old = await scene.start('old', app, { split: { parts: names } })
  await old.event(({ event }) => event === 'warmed')
  // A link that could not be opened is tried again when the deadline is over.
  const result = await old.running.handOff({ reason: 'test', deadlineMs: helloTimeoutMs })
  assert.is(result.outcome, 'parked', JSON.stringify(result))
  assert.is(result.chunks.delivered, chunks.length + names.length)
})

test('what goes ahead of the notice goes in parts as well: at the notice each has only what has changed left', async () => {
  await using scene = await openScene()
  const { held, app } = await scene.app([{ ...metadata, version: '1' }, ...chunks])
  const old = await scene.start('old', app, { split: { parts }, preship: { every: '200ms', rate: '500MB/s' } })
  const shipped = (part: string) =>
    old.event((event) => event.event === 'shipped-ahead' && event['part'] === part && event['complete'] === true)
  const ahead = await Promise.all(parts.map((part) => shipped(part)))
  held.set('user:7', { ...heldChunk('user:7', 3_007, { version: '2' }), content: new Uint8Array(3_007).fill(7) })
  held.delete('user:8')
  const heirs = await Promise.all(
    parts.map(async (part) => {
      const { app: newApp } = await scene.app()
      return { part, app: newApp, peer: await scene.start(`heir ${part}`, newApp, { parts: [part] }) }
    }),
  )
  for (const { peer } of heirs) await peer.event(isReady)
  for (const { app: newApp } of heirs) assert.is(newApp.restored.size, 0, 'while its predecessor lives nobody may have it')
  const result = await old.running.handOff({ reason: 'test', deadlineMs: 20_000 })
  assert.is(result.outcome, 'delivered', JSON.stringify(result))
  assert.equal(
    result.parts!.map(({ handoff }) => handoff),
    ahead.map((event) => event['handoff']),
  )
  for (const { part, app: newApp, peer } of heirs) {
    await peer.event(inherited)
    expectChunks(
      newApp,
      [...held.values()].filter(({ id, kind }) => kind === 'metadata' || isOf(part, 'shop')(id)),
      part,
    )
  }
})

test.run()
