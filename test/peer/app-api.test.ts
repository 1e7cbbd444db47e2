// runs on: node, deno
// The app API's server half: what it hands to the application, and what it answers to an agent that asks well or badly.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AppSource, serveAppSource } from '../../peer/app-api.ts'
import { HeirloomError } from '../../src/errors.ts'
import { appQueryBytesMax, inventoryLineBytesMax } from '../../src/limits/source.ts'
import { chunkIdBytesMax } from '../../src/limits/wire.ts'

const test = suite('app API')

const query = { handoff: 'ab'.repeat(16), reason: 'preempted', deadlineMs: 1000, rateBytesPerSecond: 1e6, budgetBytes: 1e6 }

function serve(parts: Partial<AppSource>, options: Parameters<typeof serveAppSource>[1] = {}) {
  const handler = serveAppSource({ inventory: () => [], read: () => undefined, restore() {}, ready() {}, ...parts }, options)
  return (method: string, path: string, body?: RequestInit['body'], headers: HeadersInit = {}) =>
    handler(
      new Request(`http://app/warm/v1/${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body, duplex: 'half' }),
      }),
    )
}

async function lines(response: Response): Promise<Record<string, unknown>[]> {
  return (await response.text())
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('the inventory keeps the order of the application, and a chunk is data unless it says otherwise', async () => {
  const call = serve({ inventory: () => [{ id: 'z' }, { id: 'table', kind: 'metadata', bytes: 7, priority: 3 }, { id: 'a', dirty: true }] })
  const response = await call('POST', 'inventory', JSON.stringify(query))
  assert.is(response.headers.get('content-type'), 'application/x-ndjson')
  assert.equal(await lines(response), [
    { id: 'z', kind: 'data' },
    { id: 'table', kind: 'metadata', bytes: 7, priority: 3 },
    { id: 'a', kind: 'data', dirty: true },
  ])
})

test('the application is told what the agent asked, and a bound that is not known is no bound', async () => {
  const asked: unknown[] = []
  const call = serve({
    inventory(question) {
      asked.push(question)
      return []
    },
  })
  await call('POST', 'inventory', JSON.stringify({ ...query, requery: true, later: 'unknown fields are ignored' }))
  await call('POST', 'inventory', JSON.stringify({ ...query, budgetBytes: null, rateBytesPerSecond: undefined }))
  assert.equal(asked, [
    { ...query, requery: true },
    { ...query, requery: false, budgetBytes: Infinity, rateBytesPerSecond: Infinity },
  ])
})

test('an entry that is not as it must be costs itself only', async () => {
  const warnings: HeirloomError[] = []
  const bad = [
    { id: '' },
    { id: '..' },
    { id: 'x'.repeat(chunkIdBytesMax + 1) },
    { id: 'n', bytes: -1 },
    { id: 'p', readProbability: Number.NaN },
  ]
  const long = { id: 'l', origin: 'o'.repeat(inventoryLineBytesMax) }
  const call = serve(
    { inventory: () => [{ id: 'first' }, ...bad, long, { id: 'last' }] },
    { onWarning: (warning) => warnings.push(warning) },
  )
  const listed = await lines(await call('POST', 'inventory', JSON.stringify(query)))
  assert.equal(
    listed.map(({ id }) => id),
    ['first', 'last'],
  )
  assert.is(warnings.length, bad.length + 1)
})

test('an inventory that breaks off in the middle breaks the answer off and says so', async () => {
  const warnings: HeirloomError[] = []
  async function* inventory() {
    yield { id: 'first' }
    throw new Error('the index is gone')
  }
  const response = await serve({ inventory }, { onWarning: (warning) => warnings.push(warning) })(
    'POST',
    'inventory',
    JSON.stringify(query),
  )
  const outcome = await response.text().then(
    () => 'complete',
    () => 'broken',
  )
  assert.is(outcome, 'broken')
  assert.is(warnings[0]?.code, 'source-failed')
})

test('ids come through whatever characters they have', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((id) => id !== '.' && id !== '..' && id.isWellFormed()),
      async (id) => {
        const seen: string[] = []
        const call = serve({ read: (asked) => ({ body: asked }), restore: (chunk) => void seen.push(chunk.id) })
        assert.is(await (await call('GET', `chunks/${encodeURIComponent(id)}`)).text(), id)
        assert.is((await call('PUT', `chunks/${encodeURIComponent(id)}`, 'x')).status, 204)
        assert.equal(seen, [id])
      },
    ),
  )
})

test('a chunk is answered with its length and version, a stream whose length is not known without one', async () => {
  const stream = () => new Blob(['streamed']).stream()
  const call = serve({
    read: (id) => (id === 'text' ? { body: 'häm', version: '7' } : id === 'known' ? { body: stream(), bytes: 8 } : { body: stream() }),
  })
  const text = await call('GET', 'chunks/text')
  assert.equal([text.headers.get('content-length'), text.headers.get('heirloom-version'), await text.text()], ['4', '7', 'häm'])
  assert.is((await call('GET', 'chunks/known')).headers.get('content-length'), '8')
  assert.is((await call('GET', 'chunks/unknown')).headers.get('content-length'), null)
})

test('a chunk that is gone is not found', async () => {
  assert.is((await serve({})('GET', 'chunks/gone')).status, 404)
})

test('a restore brings kind, version, expiry and content', async () => {
  const seen: unknown[] = []
  const call = serve({
    async restore(chunk) {
      seen.push([chunk.id, chunk.kind, chunk.version, chunk.expiresAtMs, await chunk.text()])
    },
  })
  const headers = { 'heirloom-kind': 'metadata', 'heirloom-version': 'v2', 'heirloom-expires-at': '1900000000000' }
  assert.is((await call('PUT', 'chunks/a%2Fb', 'content', headers)).status, 204)
  assert.is((await call('PUT', 'chunks/plain', '', { 'heirloom-expires-at': '0' })).status, 204)
  assert.equal(seen, [
    ['a/b', 'metadata', 'v2', 1_900_000_000_000, 'content'],
    ['plain', 'data', undefined, undefined, ''],
  ])
})

test('a body above the bound is refused, whether its length was announced or not', async () => {
  const call = serve({ restore: async (chunk) => void (await chunk.bytes()) }, { bodyBytesMax: 10 })
  assert.is((await call('PUT', 'chunks/a', 'x'.repeat(10))).status, 204)
  assert.is((await call('PUT', 'chunks/a', 'x'.repeat(11), { 'content-length': '11' })).status, 413)
  assert.is((await call('PUT', 'chunks/a', new Blob(['x'.repeat(11)]).stream())).status, 413)
  assert.is((await call('POST', 'inventory', 'x'.repeat(appQueryBytesMax + 1))).status, 413)
})

test('what the application throws becomes the status that says the same', async () => {
  const statusOf = async (error: Error) => {
    const restore = () => {
      throw error
    }
    return (await serve({ restore })('PUT', 'chunks/a', 'x')).status
  }
  assert.is(await statusOf(new HeirloomError('changed', 'fresher here')), 409)
  assert.is(await statusOf(new HeirloomError('no-space', 'full')), 507)
  assert.is(await statusOf(new HeirloomError('busy', 'later')), 503)
  assert.is(await statusOf(new Error('a defect')), 500)
})

test('the receipt reaches the application, and what is not an object is refused', async () => {
  const receipts: unknown[] = []
  const call = serve({ ready: (receipt) => void receipts.push(receipt) })
  assert.is((await call('POST', 'ready', '{"outcome":"delivered"}')).status, 204)
  for (const body of ['', '[]', 'null', '"text"', '{']) assert.is((await call('POST', 'ready', body)).status, 400)
  assert.equal(receipts, [{ outcome: 'delivered' }])
})

test('wrong methods, paths, encodings and headers are refused before the application is asked', async () => {
  let asked = 0
  const count = () => {
    asked++
    return undefined
  }
  const call = serve({ inventory: () => (count(), []), read: count, restore: count, ready: count })
  const statuses = await Promise.all([
    call('GET', 'inventory'),
    call('DELETE', 'chunks/a'),
    call('GET', 'ready'),
    call('GET', 'nothing'),
    call('GET', 'chunks/'),
    call('GET', 'chunks/%ff'),
    call('PUT', 'chunks/a', 'x', { 'heirloom-kind': 'gold' }),
    call('PUT', 'chunks/a', 'x', { 'heirloom-expires-at': 'tomorrow' }),
    call('POST', 'inventory', '{}'),
    call('POST', 'inventory', JSON.stringify({ ...query, deadlineMs: 'soon' })),
  ])
  assert.equal(
    statuses.map(({ status }) => status),
    [405, 405, 405, 404, 400, 400, 400, 400, 400, 400],
  )
  assert.is(asked, 0)
})

test('no request makes the handler throw', async () => {
  const handler = serveAppSource({ inventory: () => [], read: () => undefined, restore() {}, ready() {} })
  const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD')
  const path = fc.oneof(fc.webPath(), fc.constantFrom('/warm/v1/inventory', '/warm/v1/ready', '/warm/v1/chunks/x'))
  await fc.assert(
    fc.asyncProperty(method, path, fc.uint8Array({ maxLength: 200 }), async (verb, where, body) => {
      const withBody = verb === 'GET' || verb === 'HEAD' ? {} : { body }
      const { status } = await handler(new Request(`http://app${where}`, { method: verb, ...withBody }))
      assert.ok(status < 500)
    }),
  )
})

test.run()
