import { writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isLeftOut, type Chunk, type ChunkPart, type LeftOut } from '../../src/chunk/chunk.ts'
import { HeirloomError } from '../../src/errors.ts'
import { appCallsMax, inventoryLineBytesMax } from '../../src/limits/source.ts'
import { chunkBytesMax, packBytesTarget } from '../../src/limits/wire.ts'
import { createAppSource } from '../../peer/source/app/source.ts'
import type { Source } from '../../peer/source/source.ts'
import { contentOf, leftOutOf, list, never, query, readAll, testSource } from '../contract/source.ts'
import { chunkIdOf, handClock, serveApp, serveRaw, type Answer, type App } from '../helpers/app.ts'
import { makeTemp } from '../helpers/temp.ts'

const test = suite('app source')

testSource('app', {
  async open(content) {
    const held = new Map(content)
    const app = await serveApp((request, response) => {
      const id = chunkIdOf(request)
      if (id === undefined)
        return void response.end([...content].map(([id, bytes]) => JSON.stringify({ id, bytes: bytes.byteLength })).join('\n'))
      const bytes = held.get(id)
      if (bytes === undefined) response.statusCode = 404
      response.setHeader('content-length', bytes?.byteLength ?? 0).end(bytes)
    })
    const source = createAppSource({ name: 'shop', url: app.url })
    return {
      source,
      remove: (id: string) => void held.delete(id),
      async [Symbol.asyncDispose]() {
        await source[Symbol.asyncDispose]()
        await app[Symbol.asyncDispose]()
      },
    }
  },
  async openAbsent() {
    await using temp = await makeTemp()
    return createAppSource({ name: 'shop', url: `unix:${temp.at('nobody.sock')}` })
  },
  idsOf: (name) => [name],
})

interface Shop extends AsyncDisposable {
  readonly app: App
  readonly source: Source
  readonly warnings: string[]
}

/** An application that answers as it is told, and a source that asks it. */
async function openShop(app: App, options: Partial<Parameters<typeof createAppSource>[0]> = {}): Promise<Shop> {
  const warnings: string[] = []
  const source = createAppSource({ name: 'shop', url: app.url, onWarning: (text) => warnings.push(text), ...options })
  return {
    app,
    source,
    warnings,
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]()
      await app[Symbol.asyncDispose]()
    },
  }
}

/** Answers chunk calls; everything else is an empty inventory. */
function chunks(answer: (id: string, ...rest: Parameters<Answer>) => void): Answer {
  return (request, response, body) => {
    const id = chunkIdOf(request)
    if (id === undefined) response.end()
    else answer(id, request, response, body)
  }
}

const chunkOf = (id: string, hints: Partial<Chunk> = {}): Chunk => ({ id, kind: 'data', ...hints })

async function thrownBy(promise: Promise<unknown>): Promise<HeirloomError> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.instance(thrown, HeirloomError)
  return thrown as HeirloomError
}

test('the token of its file goes with every call, and a new one is read when the old one is refused', async () => {
  await using temp = await makeTemp()
  const tokenFile = temp.at('token')
  writeFileSync(tokenFile, 'first\n')
  let expected = 'Bearer first'
  const app = await serveApp((request, response) => {
    response.statusCode = request.headers.authorization === expected ? 200 : 401
    response.end(response.statusCode === 200 ? '{"id":"a"}' : '')
  })
  await using shop = await openShop(app, { tokenFile })
  assert.is((await list(shop.source)).length, 1)
  writeFileSync(tokenFile, 'second\n')
  expected = 'Bearer second'
  const { message, hint } = await thrownBy(list(shop.source))
  assert.match(message, /status 401/)
  assert.match(String(hint), /token_file/)
  assert.is((await list(shop.source)).length, 1)
  for (const text of ['', 'two words', '\u00e4']) {
    writeFileSync(tokenFile, text)
    await using other = await openShop(app, { tokenFile })
    assert.match((await thrownBy(list(other.source))).message, /holds no token/)
  }
  await using none = await openShop(app, { tokenFile: temp.at('none') })
  assert.match((await thrownBy(list(none.source))).message, /the token's file can't be read/)
})

test("the application is asked with the notice's numbers and its own order is kept", async () => {
  let asked: unknown
  const lines = [
    { id: 'table', kind: 'metadata', bytes: 10 },
    {
      id: 'z',
      readProbability: 0.9,
      priority: 3,
      dirty: true,
      version: '7',
      expiresAtMs: 99,
      origin: 's3://x',
      group: 'g',
      unheardOf: [1],
    },
    { id: 'a' },
  ]
  await using shop = await openShop(
    await serveApp((request, response, body) => {
      asked = [request.method, request.url, JSON.parse(String(body))]
      response.end(lines.map((line) => JSON.stringify(line)).join('\r\n'))
    }),
  )
  const listed = await list(shop.source)
  assert.equal(asked, ['POST', '/warm/v1/inventory', query])
  assert.equal(listed, [
    { id: 'table', kind: 'metadata', bytes: 10 },
    { id: 'z', kind: 'data', readProbability: 0.9, priority: 3, dirty: true, version: '7', expiresAtMs: 99, origin: 's3://x', group: 'g' },
    { id: 'a', kind: 'data' },
  ])
})

test('lines that are not chunks cost themselves only', async () => {
  const wrong = [
    'not json',
    '{"id":5}',
    '{"id":""}',
    'null',
    '[]',
    `{"id":"${'x'.repeat(5000)}"}`,
    JSON.stringify({ id: 'fat', pad: 'x'.repeat(inventoryLineBytesMax) }),
    '{"id":"\\ud800"}',
  ]
  const hints = { id: 'odd', bytes: -1, readProbability: 'much', priority: null, dirty: 'yes', version: {}, kind: 'else' }
  await using shop = await openShop(
    await serveApp((_request, response) => response.end(['{"id":"a"}', ...wrong, JSON.stringify(hints), '', '{"id":"b"}'].join('\n'))),
  )
  assert.equal(await list(shop.source), [chunkOf('a'), chunkOf('odd'), chunkOf('b')])
  assert.equal(shop.warnings, [`shop: ${wrong.length} lines of the inventory are not chunks and were skipped`])
})

test('an inventory may come in pieces that end anywhere', async () => {
  const text = Buffer.from(['{"id":"ä☃"}', '{"id":"b","bytes":5}', '{"id":"c"}'].join('\n'))
  await using shop = await openShop(
    await serveApp((_request, response) => {
      const step = (at: number) => (at < text.byteLength ? response.write(text.subarray(at, at + 1), () => step(at + 1)) : response.end())
      step(0)
    }),
  )
  assert.equal(
    (await list(shop.source)).map(({ id }) => id),
    ['ä☃', 'b', 'c'],
  )
})

test('an application that hangs in its inventory costs a third of the deadline; what has come is used', async () => {
  const clock = handClock()
  let isMute = false
  const app = await serveApp((_request, response) => {
    if (!isMute) response.write('{"id":"a"}\n{"id":"b"}\n{"id":')
  })
  await using shop = await openShop(app, { clock })
  const listed: string[] = []
  for await (const batch of shop.source.inventory({ ...query, deadlineMs: 3000 }, never())) {
    listed.push(...batch.map(({ id }) => id))
    clock.pass(1000)
  }
  assert.equal(listed, ['a', 'b'])
  assert.match(shop.warnings[0]!, /within 1000 ms/)
  isMute = true
  const mute = thrownBy(list(shop.source))
  await clock.waitedFor()
  clock.pass(60_000)
  assert.is((await mute).code, 'source-failed')
})

test('an application that refuses, breaks off or talks garbage at its inventory has failed', async () => {
  const apps = [
    await serveApp((_request, response) => response.writeHead(500).end('{"id":"a"}')),
    await serveApp((_request, response) => response.destroy()),
    await serveRaw((socket) => socket.end('GARBAGE\r\n\r\n')),
    await serveRaw((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n')),
  ]
  for (const app of apps) {
    await using shop = await openShop(app)
    assert.is((await thrownBy(list(shop.source))).code, 'source-failed')
  }
})

test('ids are escaped in the path, whatever they are made of', async () => {
  const ids = ['a/b', '../up', '?q=1#f', 'ä ☃', '%2F', 'a\\b', '\u0001']
  await using shop = await openShop(await serveApp(chunks((id, _request, response) => response.end(id))))
  const parts = await readAll(
    shop.source,
    ids.map((id) => chunkOf(id)),
  )
  for (const id of ids) assert.is(contentOf(id, parts).toString(), id)
})

test('answers that are no content leave the chunk out, with the reason', async () => {
  const statuses = { gone: 410, missing: 404, broken: 500, refused: 403, moved: 302 }
  await using shop = await openShop(
    await serveApp(chunks((id, _request, response) => response.writeHead(statuses[id as 'gone'] ?? 200).end('body'))),
  )
  const parts = await readAll(
    shop.source,
    [...Object.keys(statuses), 'fine'].map((id) => chunkOf(id)),
  )
  const reasons = Object.keys(statuses).map((id) => leftOutOf(id, parts).leftOut)
  assert.equal(reasons, ['vanished', 'vanished', 'source-failed', 'source-failed', 'source-failed'])
  assert.is(contentOf('fine', parts).toString(), 'body')
})

test('a chunk that is larger than was said comes in parts', async () => {
  const large = Buffer.alloc(3 * packBytesTarget + 1, 'large ')
  await using shop = await openShop(
    await serveApp(chunks((_id, _request, response) => response.setHeader('content-length', large.byteLength).end(large))),
  )
  const parts = await readAll(shop.source, [chunkOf('x', { bytes: 10 })])
  assert.is(parts.length, 4)
  assert.ok(contentOf('x', parts).equals(large))
})

test('a large chunk without its length is left out as too large, with a hint; a small one goes', async () => {
  await using shop = await openShop(
    await serveApp(
      chunks((id, _request, response) => {
        response.write(Buffer.alloc(id === 'large' ? packBytesTarget + 1 : packBytesTarget - 1))
        response.end()
      }),
    ),
  )
  const parts = await readAll(shop.source, [chunkOf('large'), chunkOf('small')])
  const { leftOut, detail } = leftOutOf('large', parts)
  assert.is(leftOut, 'too-large')
  assert.match(detail!, /content-length/)
  assert.is(contentOf('small', parts).byteLength, packBytesTarget - 1)
})

test('a chunk over the limit is left out before it is read', async () => {
  await using shop = await openShop(
    await serveRaw((socket) => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${chunkBytesMax + 1}\r\n\r\nbeginning`)),
  )
  assert.is(leftOutOf('x', await readAll(shop.source, [chunkOf('x')])).leftOut, 'too-large')
})

test('a body that is not as long as it says is left out and never taken for whole', async () => {
  const head = 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 10\r\n\r\n'
  await using shop = await openShop(await serveRaw((socket) => socket.end(`${head}short`)))
  assert.is(leftOutOf('x', await readAll(shop.source, [chunkOf('x')])).leftOut, 'source-failed')
  await using talkative = await openShop(await serveRaw((socket) => socket.end(`${head}much longer than ten`)))
  const [part] = await readAll(talkative.source, [chunkOf('x')])
  // What is over the length isn't the chunk's any more.
  assert.ok(isLeftOut(part!) || Buffer.from(part!.bytes).toString() === 'much longe')
})

test('an application that breaks off in the middle of a large chunk leaves that chunk unfinished and the others whole', async () => {
  await using shop = await openShop(
    await serveApp(
      chunks((id, _request, response) => {
        if (id !== 'broken') return void response.end(id)
        response.setHeader('content-length', 3 * packBytesTarget)
        response.write(Buffer.alloc(2 * packBytesTarget + 5), () => response.destroy())
      }),
    ),
  )
  const parts = await readAll(shop.source, [chunkOf('before'), chunkOf('broken', { bytes: 3 * packBytesTarget }), chunkOf('after')])
  assert.is(leftOutOf('broken', parts).leftOut, 'source-failed')
  assert.equal(
    ['before', 'after'].map((id) => contentOf(id, parts).toString()),
    ['before', 'after'],
  )
})

test('an application that hangs at one chunk costs that chunk only', async () => {
  const clock = handClock()
  await using shop = await openShop(
    await serveApp(chunks((id, _request, response) => void (id === 'hangs' ? response.write('x') : response.end(id)))),
    { clock, chunkTimeoutMs: 500 },
  )
  const reading = readAll(shop.source, [chunkOf('hangs')])
  await clock.waitedFor()
  clock.pass(500)
  assert.is(leftOutOf('hangs', await reading).leftOut, 'source-failed')
  assert.is(contentOf('fine', await readAll(shop.source, [chunkOf('fine')])).toString(), 'fine')
})

test('a reader that takes its time does not count against the application', async () => {
  const clock = handClock()
  const large = Buffer.alloc(4 * packBytesTarget, 'x')
  await using shop = await openShop(
    await serveApp(chunks((_id, _request, response) => response.setHeader('content-length', large.byteLength).end(large))),
    { clock, chunkTimeoutMs: 500 },
  )
  const parts: (ChunkPart | LeftOut)[] = []
  for await (const batch of shop.source.read([chunkOf('x')], never())) {
    clock.pass(10_000)
    parts.push(...batch)
  }
  assert.ok(contentOf('x', parts).equals(large))
})

test('a kept connection that the application closes just as it is used costs nothing', async () => {
  let calls = 0
  await using shop = await openShop(
    await serveApp(
      chunks((id, _request, response) => {
        if (++calls === 2) response.destroy()
        else response.end(id)
      }),
    ),
  )
  for (const id of ['a', 'b', 'c']) assert.is(contentOf(id, await readAll(shop.source, [chunkOf(id)])).toString(), id)
  assert.is(calls, 4)
})

test('an application that dies ends the reading of its own state', async () => {
  const app = await serveApp(chunks((id, _request, response) => response.end(id)))
  await using shop = await openShop(app)
  const many = Array.from({ length: 100 }, (_, index) => chunkOf(`n${index}`))
  let seen = 0
  const reading = (async () => {
    for await (const batch of shop.source.read(many, never())) {
      seen += batch.length
      if (seen === 20) await app.die()
    }
  })()
  assert.is((await thrownBy(reading)).code, 'source-failed')
})

test('no more calls are under way than the application may be asked for, and chunks begin in order', async () => {
  let open = 0
  let most = 0
  const begun: string[] = []
  await using shop = await openShop(
    await serveApp(
      chunks((id, _request, response) => {
        begun.push(id)
        most = Math.max(most, ++open)
        setImmediate(() => {
          open--
          response.end(id)
        })
      }),
    ),
  )
  const many = Array.from({ length: 200 }, (_, index) => chunkOf(`n${index}`))
  assert.is((await readAll(shop.source, many)).filter(isLeftOut).length, 0)
  assert.ok(most <= appCallsMax, `${most} calls`)
  assert.equal([...begun].sort(), many.map(({ id }) => id).sort())
})

test('an application on a loopback port is asked the same way', async () => {
  const { createServer } = await import('node:http')
  const server = createServer((request, response) => response.end(chunkIdOf(request) ?? '{"id":"a"}'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  await using source = createAppSource({ name: 'shop', url: `http://127.0.0.1:${(server.address() as { port: number }).port}/` })
  const listed = await list(source)
  assert.is(contentOf('a', await readAll(source, listed)).toString(), 'a')
  await source[Symbol.asyncDispose]()
  await new Promise((resolve) => server.close(resolve))
})

test.run()
