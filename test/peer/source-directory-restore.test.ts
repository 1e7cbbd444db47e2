import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HeirloomError } from '../../src/errors.ts'
import { packBytesTarget } from '../../src/limits/wire.ts'
import { createDirectorySink } from '../../peer/source/directory/sink.ts'
import type { IncomingFragment, RecalledFragment, Sink } from '../../peer/source/source.ts'
import { cut, end, testSink } from '../contract/sink.ts'
import { never } from '../contract/source.ts'
import { fragment, handOver, mtimeS, sinkAt } from '../helpers/directory.ts'
import { makeTemp } from '../helpers/temp.ts'
import { seeded } from '../helpers/seed.ts'
import { makeTree, treeDifferences } from '../helpers/tree.ts'
import { counted } from '../helpers/counted-sink.ts'

const test = suite('directory sink')

async function restoreOne(sink: Sink, given: IncomingFragment): Promise<string | undefined> {
  const { refused } = await sink.restore([given], never())
  return refused[0]?.reason
}

testSink('directory', {
  async open() {
    const temp = await makeTemp()
    const sinks = [sinkAt(temp)]
    return {
      sink: sinks[0]!,
      async restart() {
        await sinks.at(-1)![Symbol.asyncDispose]()
        sinks.push(sinkAt(temp))
        return sinks.at(-1)!
      },
      restored: (name) => (existsSync(temp.at(name)) ? readFileSync(temp.at(name)) : undefined),
      async [Symbol.asyncDispose]() {
        for (const sink of sinks) await sink[Symbol.asyncDispose]()
        await temp[Symbol.asyncDispose]()
      },
    }
  },
  fragmentsOf: (name, content, ends) => cut(content, ends).map((part) => ({ ...fragment(name, content), ...part })),
  refusedFragment: () => fragment('../outside', 'x'),
})

test('a restored directory equals the one that was read: bytes, paths, modes, times, links', async () => {
  await using before = await makeTemp()
  await using after = await makeTemp()
  makeTree(before.path, seeded(7), { large: [packBytesTarget + 1, 3 * packBytesTarget, 2 * packBytesTarget - 1] })
  chmodSync(before.at('a/b'), 0o500)
  await handOver(before.path, after)
  assert.equal(treeDifferences(before.path, after.path), [])
  assert.equal(
    readdirSync(after.path).filter((name) => name.startsWith('.heirloom-')),
    [],
  )
})

test('a name that is not UTF-8 is restored byte for byte', async () => {
  await using before = await makeTemp()
  await using after = await makeTemp()
  const name = Buffer.from([0xff, 0x2f, 0xfe, 0x66])
  fs.mkdirSync(Buffer.concat([Buffer.from(`${before.path}/`), name.subarray(0, 1)]))
  writeFileSync(Buffer.concat([Buffer.from(`${before.path}/`), name]), 'odd')
  await handOver(before.path, after)
  assert.is(readFileSync(Buffer.concat([Buffer.from(`${after.path}/`), name])).toString(), 'odd')
})

test('names that leave the directory are refused, each alone', async () => {
  await using temp = await makeTemp()
  mkdirSync(temp.at('root'))
  await using sink = counted(createDirectorySink({ name: 'files', path: temp.at('root'), staging: temp.at('root/.heirloom-test') }))
  const names = ['../x', '/etc/x', 'a/../../x', 'a//x', './x', 'a/.', '..', '', 'x\0y', '.heirloom-other/x']
  const { chunks, refused } = await sink.restore([...names.map((name) => fragment(name, 'x')), fragment('fine', 'x')], never())
  assert.is(chunks, 1)
  assert.is(refused.length, names.length)
  assert.equal(readdirSync(temp.path), ['root'])
  assert.equal(readdirSync(temp.at('root')).sort(), ['.heirloom-test', 'fine'])
})

test('nothing is written through a link', async () => {
  await using temp = await makeTemp()
  mkdirSync(temp.at('root'))
  mkdirSync(temp.at('outside'))
  writeFileSync(temp.at('outside/kept'), 'kept')
  symlinkSync(temp.at('outside'), temp.at('root/door'))
  symlinkSync(temp.at('outside/kept'), temp.at('root/pointer'))
  await using sink = counted(createDirectorySink({ name: 'files', path: temp.at('root'), staging: temp.at('root/.heirloom-test') }))
  const future = { mtimeS: Math.ceil(Date.now() / 1000) + 1000 }
  const fragments = [
    fragment('door/x', 'x'),
    fragment('door', '', { type: 'directory' }),
    fragment('door/in/x', 'x'),
    fragment('pointer', 'new', future),
  ]
  const { refused } = await sink.restore(fragments, never())
  assert.equal(
    refused.map(({ id }) => id),
    ['door/x', 'door', 'door/in/x'],
  )
  assert.equal(readdirSync(temp.at('outside')), ['kept'])
  assert.is(readFileSync(temp.at('outside/kept'), 'utf8'), 'kept')
  // The link itself gave way to the newer file.
  assert.ok(lstatSync(temp.at('root/pointer')).isFile())
})

test('a link that was restored is not followed by what comes after it', async () => {
  await using temp = await makeTemp()
  mkdirSync(temp.at('root'))
  mkdirSync(temp.at('outside'))
  await using sink = counted(createDirectorySink({ name: 'files', path: temp.at('root'), staging: temp.at('root/.heirloom-test') }))
  const link = fragment('door', '', { type: 'link', target: Buffer.from('../outside') })
  const { refused } = await sink.restore([link, fragment('door/x', 'x')], never())
  assert.is(readlinkSync(temp.at('root/door')), '../outside')
  assert.is(refused.length, 1)
  assert.equal(readdirSync(temp.at('outside')), [])
})

test('memory that is given with its fragments is kept, and what lies in it is restored', async () => {
  await using temp = await makeTemp()
  await using sink = sinkAt(temp)
  const bytes = randomBytes(100_000)
  const { attributes, ...rest } = fragment('large', bytes)
  const small = fragment('small', 'beside it')
  const bytesOf = [attributes, bytes, small.attributes, small.bytes]
  const memory = new Uint8Array(Buffer.concat(bytesOf))
  let end = 0
  const [largeAttributes, large, smallAttributes, beside] = bytesOf.map(({ byteLength }) => memory.subarray(end, (end += byteLength)))
  const fragments = [
    { ...rest, attributes: largeAttributes!, bytes: large! },
    { ...small, attributes: smallAttributes!, bytes: beside! },
  ]
  assert.equal((await sink.restore(fragments, { ...never(), isGiven: true })).refused, [])
  assert.is(memory.byteLength, 0)
  assert.ok(readFileSync(temp.at('large')).equals(bytes))
  assert.is(readFileSync(temp.at('small'), 'utf8'), 'beside it')
  // What isn't is the giver's still.
  const lent = fragment('lent', bytes)
  assert.equal((await sink.restore([lent], never())).refused, [])
  assert.ok(bytes.equals(lent.bytes))
})

test('a newer file stays, an older one gives way, the same one is left as it is', async () => {
  await using temp = await makeTemp()
  await using sink = sinkAt(temp)
  for (const [name, ahead] of [
    ['newer', 10],
    ['older', -10],
  ] as const) {
    writeFileSync(temp.at(name), 'here')
    utimesSync(temp.at(name), mtimeS + ahead, mtimeS + ahead)
  }
  assert.is(await restoreOne(sink, fragment('newer', 'came')), 'a newer file is here')
  assert.is(await restoreOne(sink, fragment('older', 'came')), undefined)
  assert.is(await restoreOne(sink, fragment('same', 'came')), undefined)
  const { ino } = statSync(temp.at('same'))
  assert.is(await restoreOne(sink, fragment('same', 'came')), undefined)
  assert.is(statSync(temp.at('same')).ino, ino)
  assert.equal(
    ['newer', 'older'].map((name) => readFileSync(temp.at(name), 'utf8')),
    ['here', 'came'],
  )
})

test('pieces of a large file do not replace one that became newer meanwhile', async () => {
  await using temp = await makeTemp()
  await using sink = sinkAt(temp)
  const size = 2 * packBytesTarget
  const piece = (offset: number) => ({ ...fragment('big', Buffer.alloc(packBytesTarget), { size, offset }), id: `big//${offset}` })
  await sink.restore([piece(0)], never())
  writeFileSync(temp.at('big'), 'fresher')
  const { chunks, refused } = await sink.restore([piece(packBytesTarget)], never())
  assert.is(chunks, 0)
  assert.ok(refused.length >= 1)
  assert.is(readFileSync(temp.at('big'), 'utf8'), 'fresher')
})

test('a file that is divided into chunks counts all of them when the last one is there', async () => {
  await using temp = await makeTemp()
  await using sink = sinkAt(temp)
  const size = 2 * packBytesTarget + 3
  const piece = (offset: number) => ({
    ...fragment('big', Buffer.alloc(Math.min(packBytesTarget, size - offset), offset % 251), { size, offset }),
    id: `big//${offset}`,
  })
  assert.equal((await sink.restore([piece(0), piece(2 * packBytesTarget)], never())).unfinished, [0, 1])
  assert.equal(await sink.restore([piece(packBytesTarget)], never()), { chunks: 3, bytes: size, unfinished: [], refused: [] })
  assert.is(statSync(temp.at('big')).size, size)
})

test('pieces of two states of a file are never put together', async () => {
  await using temp = await makeTemp()
  await using sink = sinkAt(temp)
  const size = 2 * packBytesTarget
  const piece = (offset: number, version: string) => ({
    ...fragment('big', Buffer.alloc(packBytesTarget, version), { size, offset }),
    id: `big//${offset}`,
    version,
  })
  await sink.restore([piece(0, 'a')], never())
  assert.is((await sink.restore([piece(packBytesTarget, 'b')], never())).chunks, 0)
  assert.not.ok(existsSync(temp.at('big')))
  assert.is((await sink.restore([piece(0, 'b')], never())).chunks, 2)
  assert.ok(readFileSync(temp.at('big')).equals(Buffer.alloc(size, 'b')))
  assert.equal(await sink.finish(end, never()), { dropped: 0 })
})

test('pieces that lie outside of their file and attributes that can not be are refused', async () => {
  await using temp = await makeTemp()
  await using sink = sinkAt(temp)
  const broken = { ...fragment('x', 'x'), attributes: Buffer.from([0xff, 0xff, 0xff]) }
  const cases = [
    fragment('long', 'too long', { size: 3 }),
    fragment('far', 'xy', { size: 10, offset: 9 }),
    fragment('beyond', 'x', { size: 10, offset: 11 }),
    fragment('huge', 'x', { size: 2 ** 52 }),
    fragment('link', '', { type: 'link' }),
    broken,
  ]
  const { chunks, unfinished, refused } = await sink.restore(cases, never())
  assert.equal([chunks, unfinished, refused.length], [0, [], cases.length])
  assert.equal(readdirSync(temp.path), ['.heirloom-test'])
})

test('a file does not give way to a folder, nor a folder to a file', async () => {
  await using temp = await makeTemp()
  mkdirSync(temp.at('folder/in'), { recursive: true })
  writeFileSync(temp.at('file'), 'here')
  await using sink = sinkAt(temp)
  const later = { mtimeS: Math.ceil(Date.now() / 1000) + 1000 }
  const { refused } = await sink.restore(
    [fragment('folder', 'x', later), fragment('file', '', { type: 'directory' }), fragment('file/below', 'x', later)],
    never(),
  )
  assert.equal(
    refused.map(({ id }) => id),
    ['folder', 'file', 'file/below'],
  )
  assert.ok(existsSync(temp.at('folder/in')))
  assert.is(readFileSync(temp.at('file'), 'utf8'), 'here')
})

test('a folder keeps its mode and time though files are written into it afterwards, also after a restart', async () => {
  await using temp = await makeTemp()
  const first = sinkAt(temp)
  const folder = fragment('sealed', '', { type: 'directory', mode: 0o555 })
  const { unfinished } = await first.restore([folder], never())
  assert.equal(unfinished, [0])
  await first[Symbol.asyncDispose]()
  await using second = sinkAt(temp)
  const { bytes, ...head } = folder
  await second.recall([{ ...head, length: bytes.byteLength } satisfies RecalledFragment], never())
  await second.restore([fragment('sealed/f', 'x')], never())
  await second.finish(end, never())
  const stats = statSync(temp.at('sealed'))
  assert.is(stats.mode & 0o777, 0o555)
  assert.is(stats.mtimeMs, mtimeS * 1000 + 250)
})

test('a root that can not be made is an error of the whole sink, with a hint', async () => {
  await using temp = await makeTemp()
  writeFileSync(temp.at('file'), 'x')
  await using sink = counted(
    createDirectorySink({ name: 'files', path: temp.at('file/root'), staging: temp.at('file/root/.heirloom-test') }),
  )
  const thrown = await sink.restore([fragment('f', 'x')], never()).catch((error: unknown) => error)
  assert.instance(thrown, HeirloomError)
  assert.is((thrown as HeirloomError).code, 'io')
  assert.ok((thrown as HeirloomError).hint !== undefined)
})

test('a folder that is removed in the middle is made again for what comes next', async () => {
  await using temp = await makeTemp()
  await using sink = sinkAt(temp)
  await sink.restore([fragment('folder/a', 'a')], never())
  fs.rmSync(temp.at('folder'), { recursive: true })
  const { refused } = await sink.restore([fragment('folder/b', 'b'), fragment('folder/c', 'c')], never())
  assert.equal(
    refused.map(({ id }) => id),
    ['folder/b'],
  )
  assert.equal(readdirSync(temp.at('folder')), ['c'])
})

test.run()
