import { readdirSync, existsSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HeirloomError } from '../../src/errors.ts'
import { appCallsMax } from '../../src/limits/source.ts'
import { packBytesTarget } from '../../src/limits/wire.ts'
import { createAppSink, type AppSinkOptions } from '../../peer/source/app/sink.ts'
import type { IncomingFragment, Sink } from '../../peer/source/source.ts'
import { cut, end, testSink } from '../contract/sink.ts'
import { never } from '../contract/source.ts'
import { chunkIdOf, handClock, serveApp, type Answer, type App } from '../helpers/app.ts'
import { makeTemp, type TempDirectory } from '../helpers/temp.ts'
import { counted, type CountedSink } from '../helpers/counted-sink.ts'

const test = suite('app sink')

function fragment(id: string, bytes: Uint8Array | string = 'content', head: Partial<IncomingFragment> = {}): IncomingFragment {
  const content = Buffer.from(bytes)
  return {
    id,
    kind: 'data',
    offset: 0,
    chunkBytes: content.byteLength,
    bytes: content,
    version: '',
    expiresAtMs: 0,
    attributes: new Uint8Array(0),
    ...head,
  }
}

interface Shop extends AsyncDisposable {
  readonly app: App
  readonly temp: TempDirectory
  readonly sink: CountedSink
  reopen(): Sink
}

async function openShop(answer: Answer, options: Partial<AppSinkOptions> = {}): Promise<Shop> {
  const app = await serveApp(answer)
  const temp = await makeTemp()
  const open = () => counted(createAppSink({ name: 'shop', url: app.url, staging: temp.at('staging'), ...options }))
  const sinks = [open()]
  return {
    app,
    temp,
    sink: sinks[0]!,
    reopen() {
      sinks.push(open())
      return sinks.at(-1)!
    },
    async [Symbol.asyncDispose]() {
      for (const sink of sinks) await sink[Symbol.asyncDispose]()
      await app[Symbol.asyncDispose]()
      await temp[Symbol.asyncDispose]()
    },
  }
}

testSink('app', {
  async open() {
    const held = new Map<string, Buffer>()
    const shop = await openShop((request, response, body) => {
      const id = chunkIdOf(request)
      if (id === 'unwanted') return void response.writeHead(422).end()
      if (id !== undefined) held.set(id, body)
      response.writeHead(204).end()
    })
    return {
      sink: shop.sink,
      restart: async () => shop.reopen(),
      restored: (name) => held.get(name),
      [Symbol.asyncDispose]: () => shop[Symbol.asyncDispose](),
    }
  },
  fragmentsOf: (name, content, ends) => cut(content, ends).map((part) => ({ ...fragment(name, content), ...part })),
  refusedFragment: () => fragment('unwanted'),
})

async function thrownBy(promise: Promise<unknown>): Promise<HeirloomError> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.instance(thrown, HeirloomError)
  return thrown as HeirloomError
}

test('metadata is restored before data, each with its kind, version and expiry', async () => {
  const seen: unknown[] = []
  await using shop = await openShop((request, response) => {
    const { headers } = request
    seen.push([
      chunkIdOf(request),
      headers['heirloom-kind'],
      headers['heirloom-version'],
      headers['heirloom-expires-at'],
      headers['content-length'],
    ])
    response.end()
  })
  const fragments = [
    fragment('data', 'x', { version: 'v 1', expiresAtMs: 9e15 }),
    fragment('table', 'yy', { kind: 'metadata', version: 'ü\n' }),
  ]
  assert.is((await shop.sink.restore(fragments, never())).chunks, 2)
  assert.equal(seen, [
    ['table', 'metadata', encodeURIComponent('ü\n'), undefined, '2'],
    ['data', 'data', 'v 1', '9000000000000000', '1'],
  ])
})

test('the receipt is told at the end', async () => {
  let told: unknown
  await using shop = await openShop((request, response, body) => {
    told = [request.method, request.url, String(body)]
    response.writeHead(204).end()
  })
  await shop.sink.finish({ complete: true, receipt: '{"receipt":"ü"}' }, never())
  assert.equal(told, ['POST', '/warm/v1/ready', '{"receipt":"ü"}'])
})

test('what has expired is not put', async () => {
  const clock = handClock()
  const seen: (string | undefined)[] = []
  await using shop = await openShop(
    (request, response) => {
      seen.push(chunkIdOf(request))
      response.end()
    },
    { clock },
  )
  const { chunks, refused } = await shop.sink.restore(
    [fragment('old', 'x', { expiresAtMs: clock.nowMs() }), fragment('new', 'x', { expiresAtMs: clock.nowMs() + 1 })],
    never(),
  )
  assert.equal([chunks, refused.map(({ id }) => id), seen], [1, ['old'], ['new']])
})

test('what the application refuses is refused at once, what it fails at is tried twice', async () => {
  const calls: Record<string, number> = {}
  await using shop = await openShop((request, response) => {
    const id = chunkIdOf(request)!
    calls[id] = (calls[id] ?? 0) + 1
    if (id === 'breaks' && calls[id] === 1) return void response.destroy()
    response.writeHead(id === 'bad' ? 400 : id === 'ill' || (id === 'recovers' && calls[id] === 1) ? 503 : 200).end()
  })
  const { chunks, refused } = await shop.sink.restore(
    ['bad', 'ill', 'recovers', 'breaks'].map((id) => fragment(id)),
    never(),
  )
  assert.is(chunks, 2)
  assert.equal(
    refused.map(({ id }) => id),
    ['bad', 'ill'],
  )
  assert.equal(calls, { bad: 1, ill: 2, recovers: 2, breaks: 2 })
})

test('an application that does not answer is refused its chunk after two attempts', async () => {
  const clock = handClock()
  let calls = 0
  let arrived = Promise.withResolvers<void>()
  await using shop = await openShop(
    (_request, _response) => {
      calls++
      arrived.resolve()
    },
    { clock, callTimeoutMs: 100 },
  )
  const restoring = shop.sink.restore([fragment('x')], never())
  for (let attempt = 0; attempt < 2; attempt++) {
    await arrived.promise
    arrived = Promise.withResolvers<void>()
    clock.pass(1000)
  }
  const { refused } = await restoring
  assert.is(calls, 2)
  assert.match(refused[0]!.reason, /did not answer/)
})

test('an application that is still starting is waited for', async () => {
  const clock = handClock()
  await using temp = await makeTemp()
  const { createServer } = await import('node:http')
  const path = temp.at('app.sock')
  await using sink = counted(
    createAppSink({ name: 'shop', url: `unix:${path}`, staging: temp.at('staging'), clock, connectTimeoutMs: 1e9 }),
  )
  const restoring = sink.restore([fragment('x')], never())
  await clock.waitedFor()
  const server = createServer((request, response) => request.resume().on('end', () => response.end()))
  await new Promise<void>((resolve) => server.listen(path, resolve))
  let isOver = false
  void restoring.finally(() => (isOver = true))
  while (!isOver) {
    clock.pass(1)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.is((await restoring).chunks, 1)
  await sink[Symbol.asyncDispose]()
  await new Promise((resolve) => server.close(resolve))
})

test('an application that never comes is a failure of the whole sink, with a hint', async () => {
  await using temp = await makeTemp()
  await using sink = createAppSink({
    name: 'shop',
    url: `unix:${temp.at('nobody.sock')}`,
    staging: temp.at('staging'),
    connectTimeoutMs: 0,
  })
  const thrown = await thrownBy(sink.restore([fragment('x'), fragment('y')], never()))
  assert.is(thrown.code, 'source-failed')
  assert.ok(thrown.hint !== undefined)
  assert.is((await thrownBy(sink.finish(end, never()))).code, 'source-failed')
})

test('waiting for an application ends with the signal', async () => {
  const clock = handClock()
  await using temp = await makeTemp()
  await using sink = counted(createAppSink({ name: 'shop', url: `unix:${temp.at('nobody.sock')}`, staging: temp.at('staging'), clock }))
  const controller = new AbortController()
  const restoring = sink.restore([fragment('x')], { signal: controller.signal })
  await clock.waitedFor()
  const reason = new HeirloomError('aborted', 'enough')
  controller.abort(reason)
  assert.is(await restoring.catch((thrown: unknown) => thrown), reason)
})

test('no more chunks are put at a time than the application may be asked for, over all packs together', async () => {
  let open = 0
  let most = 0
  await using shop = await openShop((_request, response) => {
    most = Math.max(most, ++open)
    setImmediate(() => {
      open--
      response.end()
    })
  })
  const pack = (number: number) => Array.from({ length: 40 }, (_, index) => fragment(`n${number}-${index}`))
  await Promise.all([0, 1, 2, 3].map((number) => shop.sink.restore(pack(number), never())))
  assert.ok(most <= appCallsMax, `${most} calls`)
})

test('a large chunk is put from its file, whose staging is gone afterwards', async () => {
  const large = Buffer.alloc(2 * packBytesTarget + 3, 'large ')
  let received: Buffer | undefined
  await using shop = await openShop((request, response, body) => {
    if (chunkIdOf(request) === 'large') received = body
    response.end()
  })
  const parts = cut(large, [packBytesTarget, 2 * packBytesTarget]).map((part) => ({ ...fragment('large', large), ...part }))
  assert.is((await shop.sink.restore(parts, never())).chunks, 1)
  assert.ok(large.equals(received!))
  assert.equal(readdirSync(shop.temp.at('staging')), [])
  await shop.sink.finish(end, never())
  assert.not.ok(existsSync(shop.temp.at('staging')))
})

test('a part that lies outside of its chunk is refused', async () => {
  await using shop = await openShop((_request, response) => response.end())
  const { refused } = await shop.sink.restore(
    [fragment('x', 'abc', { chunkBytes: 2 }), fragment('y', 'abc', { chunkBytes: 10, offset: 8 })],
    never(),
  )
  assert.is(refused.length, 2)
})

test.run()
