// Chunks that go by reference: the heir fetches them where they are, as far as its rules allow, and takes nothing else for them.

import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Reference } from '../../src/chunk/reference.ts'
import { systemClock } from '../../src/clock.ts'
import { findPlace, originRuleProblem, usualOriginRules } from '../../src/config/origin-place.ts'
import { Origins } from '../../peer/inherit/origins.ts'
import { createAppSink } from '../../peer/source/app/sink.ts'
import { handOverScene } from '../helpers/claim-scene.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { makeTemp, type TempDirectory } from '../helpers/temp.ts'
import { heldChunk, serveWarmApp } from '../helpers/warm-app.ts'

const test = suite('origins')

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const model = new Uint8Array(randomBytes(2_500_000))

/** A server of shared storage; `asked` are the paths that somebody wanted. */
async function serve(answers: Readonly<Record<string, RequestListener | Uint8Array>>) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url!)
    const answer = answers[request.url!]
    if (typeof answer === 'function') answer(request, response)
    else if (answer !== undefined) response.writeHead(200, { 'content-length': answer.byteLength }).end(answer)
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    asked,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

test('shared storage is fetched by the heir, over HTTP and from a file, and nobody reads it at the predecessor', async () => {
  await using storage = await serve({ '/models/7': model })
  await using temp = await makeTemp()
  await mkdir(temp.at('shared'))
  await writeFile(temp.at('shared/index'), model.subarray(0, 70_000))
  const chunks = [
    heldChunk('schema', 10, { kind: 'metadata' }),
    heldChunk('model', 2_500_000, { origin: `${storage.url}/models/7`, digest: sha256(model), bytes: model.byteLength }),
    heldChunk('index', 70_000, { origin: temp.at('shared/index') }),
    heldChunk('session', 100),
  ]
  const { old, heir, heirResult, result } = await handOverScene({
    chunks,
    waits: true,
    heirPolicy: { origins: ['http:', temp.at('shared')] },
  })
  assert.equal(old.asked('read').toSorted(), ['schema', 'session'])
  assert.is(heir.asked('restore')[0], 'schema', 'what data builds on is there first')
  assert.equal(heir.restored.get('model'), model)
  assert.equal(heir.restored.get('index'), model.subarray(0, 70_000))
  assert.is(result.outcome, 'delivered')
  assert.equal(heirResult.origins, { chunks: 2, bytes: 2_570_000, failed: 0, left: 0 })
  assert.is(heirResult.outcome, 'delivered')
  assert.equal([heirResult.chunks.planned, heirResult.chunks.delivered], [4, 4])
  assert.is(heirResult.hitMass.delivered, 1)
  assert.equal(heir.receipts[0]!['origins'], heirResult.origins, 'the receipt says so')
})

test('everything by reference: a handoff of nothing but references is one, and comes back whole', async () => {
  await using storage = await serve({ '/a': model.subarray(0, 10), '/b': model.subarray(10, 20) })
  const chunks = ['a', 'b'].map((id) => heldChunk(id, 10, { origin: `${storage.url}/${id}` }))
  const { heir, result, heirResult } = await handOverScene({ chunks })
  assert.is(result.outcome, 'parked')
  assert.equal([...heir.restored.keys()].toSorted(), ['a', 'b'])
  assert.is(heirResult.outcome, 'delivered')
})

test('metadata and what is dirty go themselves, whatever their origin', async () => {
  await using storage = await serve({})
  const origin = `${storage.url}/any`
  const chunks = [heldChunk('schema', 10, { kind: 'metadata', origin }), heldChunk('cart', 10, { dirty: true, origin })]
  const { heir } = await handOverScene({ chunks })
  assert.equal([...heir.restored.keys()], ['schema', 'cart'])
  assert.equal(storage.asked, [])
})

const reference = (origin: string, more: Partial<Reference> = {}): Reference => ({
  source: 0,
  id: 'model',
  origin,
  bytes: undefined,
  digest: undefined,
  version: '7',
  expiresAtMs: 0,
  readProbability: 0.5,
  ...more,
})

async function fetchAll(references: readonly Reference[], rules = usualOriginRules, clock: ManualClock | typeof systemClock = systemClock) {
  const resources = new AsyncDisposableStack()
  const temp: TempDirectory = resources.use(await makeTemp())
  const app = resources.use(await serveWarmApp([]))
  const sink = resources.use(createAppSink({ name: 'shop', url: app.url, staging: temp.at('staging') }))
  const { signal } = new AbortController()
  const origins = resources.use(new Origins({ rules, sinkOf: () => sink, clock, signal, onFetched() {} }))
  origins.add(references)
  return { origins, app, sink, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}

test('what is not what the reference says is not restored: another content, another length, more or less than announced', async () => {
  await using storage = await serve({
    '/model': model,
    '/longer': (_request, response) => void response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(model.subarray(0, 101)),
    '/cut': (_request, response) => {
      response.writeHead(200, { 'content-length': 2_000_000 })
      response.write(model.subarray(0, 1_500_000), () => response.destroy())
    },
    '/moved': (_request, response) => void response.writeHead(302, { location: '/model' }).end(),
  })
  const wrong = [
    reference(`${storage.url}/model`, { id: 'another content', digest: sha256(model.subarray(1)) }),
    reference(`${storage.url}/model`, { id: 'another length', bytes: 2_499_999 }),
    reference(`${storage.url}/longer`, { id: 'longer', bytes: 100 }),
    reference(`${storage.url}/cut`, { id: 'cut' }),
    reference(`${storage.url}/moved`, { id: 'moved' }),
    reference(`${storage.url}/none`, { id: 'none' }),
  ]
  await using fetched = await fetchAll([...wrong, reference(`${storage.url}/model`, { id: 'right', digest: sha256(model) })])
  await fetched.origins.settled()
  assert.equal([...fetched.app.restored.keys()], ['right'])
  assert.equal(fetched.origins.account, { chunks: 1, bytes: 2_500_000, failed: 6, left: 0 })
  assert.is(fetched.origins.notes.length, 6)
  await fetched.sink.finish({ complete: false, receipt: '{}' }, new AbortController())
  assert.equal([...fetched.app.restored.keys()], ['right'], 'what stayed unfinished is dropped')
})

test('a place that does not answer costs a time-out a few times, and then no more', async () => {
  const clock = new ManualClock(0)
  const silent: RequestListener = () => {}
  await using storage = await serve({ '/silent': silent })
  const many = Array.from({ length: 40 }, (_, at) => reference(`${storage.url}/silent`, { id: `${at}` }))
  await using fetched = await fetchAll(many, usualOriginRules, clock)
  const over = fetched.origins.settled()
  let isOver = false
  void over.then(() => (isOver = true))
  while (!isOver) {
    clock.advance(1_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.is(fetched.origins.account.failed, 40)
  assert.ok(storage.asked.length <= 8, `${storage.asked.length} were asked for`)
})

test('what no rule allows, or nobody here can fetch, is left to the application', async () => {
  await using storage = await serve({ '/public/a': model.subarray(0, 5), '/private/a': model.subarray(0, 5) })
  const rules = [`${storage.url}/public`]
  const places = [
    `${storage.url}/public/a`,
    `${storage.url}/private/a`,
    `${storage.url}/public/%2e%2e/private/a`,
    's3://bucket/a',
    '/etc/hostname',
  ]
  await using fetched = await fetchAll(
    places.map((origin, at) => reference(origin, { id: `${at}` })),
    rules,
  )
  await fetched.origins.settled()
  assert.equal(storage.asked, ['/public/a'])
  assert.equal(fetched.origins.account, { chunks: 1, bytes: 5, failed: 0, left: 4 })
})

test('rules are beginnings of URLs that end where a part of a path does, and no rule means nowhere', () => {
  const isAllowed = (origin: string, ...rules: string[]) => findPlace(origin, rules) !== undefined
  assert.ok(isAllowed('https://models.internal/7', 'https:'))
  assert.not.ok(isAllowed('http://models.internal/7', 'https:'))
  assert.ok(isAllowed('http://models.internal/v1/7', 'http://models.internal/v1'))
  assert.not.ok(isAllowed('http://models.internal/v10/7', 'http://models.internal/v1'))
  assert.not.ok(isAllowed('http://models.internal.example/7', 'http://models.internal'))
  assert.not.ok(isAllowed('http://models.internal:81/7', 'http://models.internal'))
  assert.ok(isAllowed('/mnt/shared/a', '/mnt/shared'))
  assert.ok(isAllowed(pathToFileURL('/mnt/shared/a').href, '/mnt/shared'))
  assert.not.ok(isAllowed('/mnt/shared/../secret', '/mnt/shared'))
  assert.not.ok(isAllowed('/mnt/sharedness/a', '/mnt/shared'))
  assert.not.ok(isAllowed('/mnt/shared/a', ...usualOriginRules))
  assert.not.ok(isAllowed('https://models.internal/7'))
  for (const host of ['169.254.169.254', 'metadata.google.internal', '[fe80::1]', '100.100.100.200', '[::ffff:169.254.169.254]']) {
    assert.not.ok(isAllowed(`http://${host}/latest`, ...usualOriginRules), host)
    assert.ok(isAllowed(`http://${host}/latest`, `http://${host}/`), 'unless the operator means it')
  }
  for (const rule of ['http:', 'https:', 'https://a/b', '/mnt', 'file:///mnt']) assert.is(originRuleProblem(rule), undefined)
  for (const rule of ['', 'mnt', 'ftp:', 's3://a', 'http://a/?b']) assert.ok(originRuleProblem(rule), rule)
})

test.run()
