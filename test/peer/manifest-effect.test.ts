// Claim 5, option by option: editing the manifest changes what is sent, when, or how it is divided.
// time-out: 120 s

import { randomBytes } from 'node:crypto'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/clock.ts'
import { criteriaOf, sourcesSchema } from '../../src/plan/manifest.ts'
import { preview, type PlannedChunk } from '../../peer/preview.ts'
import { createSource } from '../../peer/source/create-source.ts'
import { makeTemp } from '../helpers/temp.ts'
import { heldChunk, serveWarmApp, type HeldChunk } from '../helpers/warm-app.ts'

const test = suite('editing the manifest')

/** What would be sent of these sources within so many bytes, in order. */
async function planned(entries: readonly object[], bytesMax?: number): Promise<PlannedChunk[]> {
  const manifest = sourcesSchema.parse(entries)
  await using stack = new AsyncDisposableStack()
  const { signal } = new AbortController()
  const sources = manifest.map((entry) => stack.use(createSource(entry, { onWarning: (message) => assert.unreachable(message) })))
  for (const source of sources) await source.warm({ signal })
  const order: PlannedChunk[] = []
  await preview({
    sources,
    criteria: criteriaOf(manifest),
    deadlineMs: 60_000,
    reserveMs: 0,
    rateBytesPerSecond: 100e6,
    bytesMax,
    clock: systemClock,
    signal,
    onChunk: (chunk) => order.push(chunk),
  })
  return order
}

/** Without folders, which go whatever is chosen. */
const ids = (chunks: readonly PlannedChunk[]) => chunks.flatMap(({ id }) => (id.endsWith('/') ? [] : id))

async function withFiles(check: (entry: (more?: object) => object) => Promise<void>): Promise<void> {
  await using temp = await makeTemp()
  mkdirSync(temp.at('cache'))
  const files = { 'a.bin': [3000, 9], 'b.bin': [1000, 1], 'c.txt': [2000, 5], 'cache/d.bin': [500, 3] } as const
  for (const [name, [bytes, ageHours]] of Object.entries(files)) {
    writeFileSync(temp.at(name), Buffer.alloc(bytes, 7))
    utimesSync(temp.at(name), 1_700_000_000, 1_700_000_000 - 3600 * ageHours)
  }
  await check((more = {}) => ({ name: 'files', kind: 'directory', path: temp.path, ...more }))
}

test('order, of a directory', () =>
  withFiles(async (entry) => {
    const of = async (order: string) => ids(await planned([entry({ order })]))
    assert.equal(await of('key'), ['a.bin', 'b.bin', 'c.txt', 'cache/d.bin'])
    assert.equal(await of('recency'), ['b.bin', 'cache/d.bin', 'c.txt', 'a.bin'])
    assert.equal(await of('size'), ['cache/d.bin', 'b.bin', 'c.txt', 'a.bin'])
    assert.is((await of('forecast')).at(-1), 'a.bin', 'the oldest and largest is worth least a byte')
  }))

test('include, exclude and metadata', () =>
  withFiles(async (entry) => {
    assert.equal(ids(await planned([entry({ include: ['*.bin'] })])).toSorted(), ['a.bin', 'b.bin'])
    assert.equal(ids(await planned([entry({ exclude: ['*.bin', 'cache'] })])), ['c.txt'])
    const last = await planned([entry({ order: 'key' })])
    const first = await planned([entry({ order: 'key', metadata: ['c.txt'] })])
    assert.is(last.find(({ id }) => id === 'c.txt')!.kind, 'data')
    assert.is(first.find(({ id }) => id === 'c.txt')!.kind, 'metadata')
    assert.ok(ids(first).indexOf('c.txt') < ids(first).indexOf('a.bin'))
  }))

test('division and its target', async () => {
  await using temp = await makeTemp()
  writeFileSync(temp.at('large.bin'), randomBytes(3_000_000))
  const entry = (divide?: object) => ({ name: 'files', kind: 'directory', path: temp.path, ...(divide && { divide }) })
  const of = async (divide?: object) => (await planned([entry(divide)])).length
  const usual = await of()
  for (const by of ['content', 'probability']) {
    const [small, smaller] = [await of({ by, target: '256KiB' }), await of({ by, target: '64KiB' })]
    assert.ok(usual < small && small < smaller, `${by}: ${usual}, ${small}, ${smaller}`)
  }
})

const likely = heldChunk('likely', 1000, { readProbability: 0.9 })
const unlikely = heldChunk('unlikely', 1000, { readProbability: 0.1 })

async function withApps(
  chunks: Readonly<Record<string, readonly HeldChunk[]>>,
  check: (entry: (name: string, more?: object) => object) => Promise<void>,
): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const urls = new Map<string, string>()
  for (const [name, held] of Object.entries(chunks)) urls.set(name, stack.use(await serveWarmApp(held)).url)
  await check((name, more = {}) => ({ name, kind: 'app', url: urls.get(name)!, ...more }))
}

test('order and division, of an application', () =>
  withApps({ shop: [unlikely, likely] }, async (entry) => {
    assert.equal(ids(await planned([entry('shop')])), ['unlikely', 'likely'])
    assert.equal(ids(await planned([entry('shop', { order: 'forecast' })])), ['likely', 'unlikely'])
    assert.equal(ids(await planned([entry('shop', { divide: { by: 'probability', target: '4KiB' } })])), ['likely', 'unlikely'])
  }))

test('weights of sources against one another', () =>
  withApps({ a: [heldChunk('of a', 1000)], b: [heldChunk('of b', 1000)] }, async (entry) => {
    assert.equal(ids(await planned([entry('a'), entry('b')])), ['of a', 'of b'])
    assert.equal(ids(await planned([entry('a'), entry('b', { weight: 2 })])), ['of b', 'of a'])
    assert.equal(ids(await planned([entry('a'), entry('b', { weight: 2 })], 1000)), ['of b'], 'and what is left out')
  }))

test('shares of the bytes', () => {
  const many = (name: string, readProbability: number) =>
    Array.from({ length: 20 }, (_, at) => heldChunk(`${name} ${at}`, 1000, { readProbability }))
  return withApps(
    { hot: many('hot', 1), cold: [...many('cold', 1), heldChunk('cold ballast', 1_000_000, { readProbability: 0 })] },
    async (entry) => {
      const coldOf = async (more: object, other: object = {}) => {
        const went = await planned([entry('hot', { weight: 9, ...other }), entry('cold', { order: 'forecast', ...more })], 20_000)
        return went.filter(({ source }) => source === 'cold').length
      }
      assert.is(await coldOf({}), 0)
      const least = await coldOf({ share: { least: 0.25 } })
      assert.ok(least >= 4 && least <= 6, `${least} of 20`)
      const rest = await coldOf({}, { share: { most: 0.5 } })
      assert.ok(rest >= 9 && rest <= 11, `${rest} of 20`)
    },
  )
})

test.run()
