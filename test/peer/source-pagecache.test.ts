// Against the kernel's own page cache: files on a disk, looked at by another tool than the source's own.
// time-out: 120 s

import { mkdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HeirloomError } from '../../src/errors.ts'
import { createPageCacheSink, PageCacheTarget, pageCacheSinkFor } from '../../peer/source/pagecache/sink.ts'
import { createPageCacheSource } from '../../peer/source/pagecache/source.ts'
import type { Residency } from '../../peer/source/pagecache/hint.ts'
import { cut, end, testSink } from '../contract/sink.ts'
import { contentOf, list, never, readAll, testSource } from '../contract/source.ts'
import { hintFragment, HintSinks } from '../helpers/hint-sinks.ts'
import { forgetFiles, makeTempOnDisk, residentBytesOf, touchFile } from '../helpers/residency.ts'
import { makeTemp, type TempDirectory } from '../helpers/temp.ts'
import { counted } from '../helpers/counted-sink.ts'

const test = suite('page cache source')

const page = 4096

testSource('page cache', {
  async open(content) {
    const temp = await makeTempOnDisk()
    for (const [name, bytes] of content) writeFileSync(temp.at(name), bytes)
    const source = createPageCacheSource({ name: 'pages', path: temp.path })
    return {
      source,
      remove: (id: string) => rmSync(temp.at(id)),
      async [Symbol.asyncDispose]() {
        await source[Symbol.asyncDispose]()
        await temp[Symbol.asyncDispose]()
      },
    }
  },
  async openAbsent() {
    await using temp = await makeTemp()
    return createPageCacheSource({ name: 'pages', path: temp.at('nothing here') })
  },
  idsOf: (name, bytes) => (bytes === 0 ? [] : [name]),
  // Just written, so all of it is in memory.
  describes: (_name, bytes, told) =>
    bytes === 0 ? told.byteLength === 0 : told.toString() === JSON.stringify({ size: bytes, ranges: [[0, bytes]] }),
})

const sizeOf = (name: string) => (name === 'large' ? 64 : 3) * page

/** As it was given under a name. */
const descriptions = new Map<string, Buffer>()

testSink('page cache', {
  async open() {
    const temp = await makeTempOnDisk()
    const files = [
      'one',
      'empty',
      'page',
      'näme ☃ %2F',
      'twice',
      'large',
      'good',
      ...Array.from({ length: 400 }, (_, at) => `n${Math.floor(at / 50)}-${at % 50}`),
    ]
    for (const name of files) writeFileSync(temp.at(name), Buffer.alloc(sizeOf(name), 'x'))
    forgetFiles(...files.map((name) => temp.at(name)))
    const open = () => {
      const options = { name: 'pages', path: temp.path, staging: temp.at('.heirloom-staging') }
      const target = new PageCacheTarget(options)
      return { target, sink: pageCacheSinkFor(target, options) }
    }
    const sinks = new HintSinks(open)
    return {
      sink: sinks.sink,
      restart: () => sinks.restart(),
      async restored(name) {
        await sinks.idle()
        const bytes = residentBytesOf(temp.at(name))
        assert.ok(bytes === 0 || bytes === sizeOf(name), `${name}: ${bytes}`)
        return bytes === 0 ? undefined : descriptions.get(name)
      },
      async [Symbol.asyncDispose]() {
        await sinks[Symbol.asyncDispose]()
        await temp[Symbol.asyncDispose]()
      },
    }
  },
  fragmentsOf: (name, content, ends) => cut(content, ends).map((part) => ({ ...hintFragment(name, content), ...part })),
  describe(name, bytes) {
    const description = Buffer.from(JSON.stringify({ size: sizeOf(name), ranges: [[0, sizeOf(name)]] }).padEnd(bytes))
    descriptions.set(name, description)
    return description
  },
  refusedFragment: () => hintFragment('../outside', Buffer.from('{"size":1,"ranges":[[0,1]]}')),
})

async function toldOf(temp: TempDirectory, options: object = {}): Promise<Record<string, Residency>> {
  await using source = createPageCacheSource({ name: 'pages', path: temp.path, ...options })
  const chunks = await list(source)
  const parts = await readAll(source, chunks)
  return Object.fromEntries(chunks.map(({ id }) => [id, JSON.parse(contentOf(id, parts).toString()) as Residency]))
}

test('the ranges that are in memory are told, of those files that have any', async () => {
  await using temp = await makeTempOnDisk()
  mkdirSync(temp.at('folder'))
  for (const name of ['hot', 'cold', 'folder/partly']) writeFileSync(temp.at(name), Buffer.alloc(100 * page + 7, 'x'))
  forgetFiles(temp.at('cold'), temp.at('folder/partly'))
  touchFile(temp.at('folder/partly'), 10 * page, page)
  touchFile(temp.at('folder/partly'), 40 * page, 2 * page)
  touchFile(temp.at('folder/partly'), 100 * page, 7)
  const size = 100 * page + 7
  assert.equal(await toldOf(temp), {
    hot: { size, ranges: [[0, size]] },
    'folder/partly': {
      size,
      ranges: [
        [10 * page, page],
        [40 * page, 2 * page],
        [100 * page, 7],
      ],
    },
  })
  assert.equal(Object.keys(await toldOf(temp, { exclude: ['folder'] })), ['hot'])
})

test('exactly these ranges are in memory after the restore, and nothing is read of what is elsewhere', async () => {
  await using temp = await makeTempOnDisk()
  writeFileSync(temp.at('file'), Buffer.alloc(4000 * page, 'x'))
  forgetFiles(temp.at('file'))
  const ranges = [
    [1000 * page, 300 * page],
    [3999 * page, 50 * page],
  ]
  await using sink = counted(createPageCacheSink({ name: 'pages', path: temp.path, staging: temp.at('.heirloom-s') }))
  await sink.restore([hintFragment('file', Buffer.from(JSON.stringify({ size: 4000 * page, ranges })))], never())
  await sink.finish(end, never())
  const { file } = await toldOf(temp)
  const covers = (start: number, bytes: number) => file!.ranges.some(([at, length]) => at <= start && at + length >= start + bytes)
  assert.ok(covers(1000 * page, 300 * page) && covers(3999 * page, page), JSON.stringify(file))
  // The kernel reads ahead, but not as far as the other half.
  assert.not.ok(covers(0, page))
})

test('a file that comes later is read at the end; one that never comes, or is reached by a link, is not', async () => {
  await using temp = await makeTempOnDisk()
  await using outside = await makeTempOnDisk()
  writeFileSync(outside.at('secret'), Buffer.alloc(page, 'x'))
  forgetFiles(outside.at('secret'))
  symlinkSync(outside.path, temp.at('away'))
  symlinkSync(outside.at('secret'), temp.at('link'))
  const given = Buffer.from(JSON.stringify({ size: page, ranges: [[0, page]] }))
  await using sink = counted(createPageCacheSink({ name: 'pages', path: temp.path, staging: temp.at('.heirloom-s') }))
  const { unfinished, refused } = await sink.restore(
    ['late', 'never', 'away/secret', 'link', 'a/', 'bad\0'].map((id) => hintFragment(id, given)),
    never(),
  )
  assert.equal(unfinished, [0, 1])
  assert.equal(
    refused.map(({ id }) => id),
    ['away/secret', 'link', 'a/', 'bad\0'],
  )
  writeFileSync(temp.at('late'), Buffer.alloc(page, 'x'))
  forgetFiles(temp.at('late'))
  assert.equal(await sink.finish(end, never()), { dropped: 1 })
  assert.is(residentBytesOf(temp.at('late')), page)
  assert.is(residentBytesOf(outside.at('secret')), 0)
})

test('what waited for its file when the process ended is read by the next one', async () => {
  await using temp = await makeTempOnDisk()
  const given = hintFragment('late', Buffer.from(JSON.stringify({ size: page, ranges: [[0, page]] })))
  const open = () => createPageCacheSink({ name: 'pages', path: temp.path, staging: temp.at('.heirloom-s') })
  const first = open()
  assert.equal((await first.restore([given], never())).unfinished, [0])
  await first[Symbol.asyncDispose]()
  writeFileSync(temp.at('late'), Buffer.alloc(page, 'x'))
  forgetFiles(temp.at('late'))
  await using next = open()
  await next.recall([{ ...given, length: given.chunkBytes }], never())
  assert.equal(await next.finish(end, never()), { arrived: ['late'] })
  assert.is(residentBytesOf(temp.at('late')), page)
})

test('what the memory has no room for is refused, and so is what is no description', async () => {
  await using temp = await makeTempOnDisk()
  writeFileSync(temp.at('file'), Buffer.alloc(10 * page, 'x'))
  const options = { name: 'pages', path: temp.path, staging: temp.at('.heirloom-s'), bytesMax: 12 * page }
  await using sink = counted(createPageCacheSink(options))
  const whole = JSON.stringify({ size: 10 * page, ranges: [[0, 10 * page]] })
  const reasons: (string | undefined)[] = []
  for (const text of ['not json', '{}', '{"size":1,"ranges":[[0]]}', '{"size":1,"ranges":[[-1,2]]}', whole, whole]) {
    reasons.push((await sink.restore([hintFragment('file', Buffer.from(text))], never())).refused[0]?.reason)
  }
  const wrong = 'not a description of what is in memory'
  assert.equal(reasons, [wrong, wrong, wrong, wrong, undefined, 'there is no memory left for it'])
})

test('a file that has shrunk is read as far as it goes', async () => {
  await using temp = await makeTempOnDisk()
  writeFileSync(temp.at('file'), Buffer.alloc(10 * page, 'x'))
  truncateSync(temp.at('file'), 2 * page)
  forgetFiles(temp.at('file'))
  await using sink = counted(createPageCacheSink({ name: 'pages', path: temp.path, staging: temp.at('.heirloom-s') }))
  await sink.restore([hintFragment('file', Buffer.from(JSON.stringify({ size: 10 * page, ranges: [[0, 10 * page]] })))], never())
  await sink.finish(end, never())
  assert.is(residentBytesOf(temp.at('file')), statSync(temp.at('file')).size)
})

test('a Python that hangs is ended when its time is over', async () => {
  await using temp = await makeTempOnDisk()
  writeFileSync(temp.at('file'), 'x')
  writeFileSync(temp.at('hanging'), '#!/bin/sh\necho $$ > "$0.pid"\nexec sleep 1000000\n', { mode: 0o755 })
  await using source = createPageCacheSource({ name: 'pages', path: temp.path, python: temp.at('hanging'), include: ['file'] })
  const over = new AbortController()
  const reason = new HeirloomError('timeout', 'its time is over')
  const listing = list(source, { signal: over.signal }).catch((error: unknown) => error)
  const pid = await written(temp.at('hanging.pid'))
  over.abort(reason)
  assert.is(await listing, reason)
  assert.throws(() => process.kill(pid, 0))
})

/** The number in a file, once it is there. */
async function written(path: string): Promise<number> {
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => '')
    if (text.endsWith('\n')) return Number(text)
  }
}

test('without a Python the source fails and says what to do', async () => {
  await using temp = await makeTempOnDisk()
  writeFileSync(temp.at('file'), 'x')
  await using source = createPageCacheSource({ name: 'pages', path: temp.path, python: '/nowhere/python3' })
  const thrown = await list(source).catch((error: unknown) => error)
  assert.instance(thrown, HeirloomError)
  assert.match((thrown as HeirloomError).message, /can't be run/)
  assert.match(String((thrown as HeirloomError).hint), /Python 3/)
})

test.run()
